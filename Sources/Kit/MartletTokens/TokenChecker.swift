public import MartletCore

/// Verifies JSON Web Tokens completely (RFC 7515, RFC 7519, following RFC 8725), without a cache. All verification of
/// tokens goes through it.
public struct TokenChecker: Sendable {
    private let issuer: TokenIssuer
    private let keys: TokenKeys
    private let clock: WallClock

    public init(_ issuer: TokenIssuer, keys: TokenKeys, clock: WallClock = .system) {
        self.issuer = issuer
        self.keys = keys
        self.clock = clock
    }

    /// Verifies a token and returns its claims.
    /// - Throws: ``Problem`` 401; 503 when no keys are available.
    public func claims(of token: [UInt8]) async throws -> TokenClaims {
        let token = try CompactToken(token)
        if let type = issuer.type, token.type?.isExactly(type) != true { throw Problem.invalidToken }
        // The key determines the algorithm, and the token's `alg` must match it.
        if try await !keys.key(token.keyID).signed(token) {
            guard let renewed = await keys.renewedKey(token.keyID), renewed.signed(token) else {
                throw Problem.invalidToken
            }
        }
        return try TokenClaims(CompactToken.object(token.payload), issuer, at: clock.now.secondsSince1970)
    }
}
