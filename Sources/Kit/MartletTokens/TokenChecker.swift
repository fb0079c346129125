public import MartletCore

/// Checks JSON Web Tokens by all there is to check (RFC 7515, RFC 7519, by the practices of RFC 8725), and remembers
/// nothing. There is no other place where a token is believed.
public struct TokenChecker: Sendable {
    private let issuer: TokenIssuer
    private let keys: TokenKeys
    private let clock: WallClock

    public init(_ issuer: TokenIssuer, keys: TokenKeys, clock: WallClock = .system) {
        self.issuer = issuer
        self.keys = keys
        self.clock = clock
    }

    /// What a token says.
    /// - Throws: ``Problem`` 401; 503 when there are no keys to check it with.
    public func claims(of token: [UInt8]) async throws -> TokenClaims {
        let token = try CompactToken(token)
        if let type = issuer.type, token.type?.isExactly(type) != true { throw Problem.invalidToken }
        // The key says by which algorithm it is used; the token's word must be the same.
        if try await !keys.key(token.keyID).signed(token) {
            guard let renewed = await keys.renewedKey(token.keyID), renewed.signed(token) else {
                throw Problem.invalidToken
            }
        }
        return try TokenClaims(CompactToken.object(token.payload), issuer, at: clock.now.secondsSince1970)
    }
}
