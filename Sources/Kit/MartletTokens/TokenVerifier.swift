import Crypto
public import MartletCore

/// Finds out whose a JSON Web Token is, as ``TokenChecker`` does, and whether its session goes on.
///
/// What has been verified is remembered by the token's SHA-256 until it ends or its session does: checking a signature
/// costs more than all the rest of a request.
public final class TokenVerifier<Principal: Sendable>: Sendable {
    private struct Remembered {
        let principal: Principal
        let session: String?
        /// Seconds since 1970, the leeway included.
        let expires: Int64
    }

    private let checker: TokenChecker
    private let ended: EndedSessions
    private let clock: WallClock
    private let memory = TokenMemory<Remembered>()
    private let leeway: Int64
    private let identify: @Sendable (TokenClaims) throws(Problem) -> Principal

    /// - Parameters:
    ///   - ended: the sessions whose tokens are refused.
    ///   - identify: makes of a token's claims what is remembered of it, or throws when they do not suffice.
    public init(
        _ issuer: TokenIssuer, keys: TokenKeys, ended: EndedSessions = EndedSessions(),
        clock: WallClock = .system,
        identify: @escaping @Sendable (TokenClaims) throws(Problem) -> Principal
    ) {
        self.identify = identify
        self.ended = ended
        self.clock = clock
        checker = TokenChecker(issuer, keys: keys, clock: clock)
        leeway = issuer.leewaySeconds
    }

    /// What is known of a token without checking its signature; nil when that has to be done.
    public func known(_ token: UnsafeRawBufferPointer) -> Result<Principal, Problem>? {
        guard token.count <= CompactToken.maximumLength else { return .failure(.invalidToken) }
        guard let remembered = memory[SHA256.hash(data: token)] else { return nil }
        if let problem = ended.problem(of: remembered.session) { return .failure(problem) }
        return clock.now.secondsSince1970 < remembered.expires
            ? .success(remembered.principal) : .failure(.tokenExpired)
    }

    /// Checks everything there is to check.
    /// - Throws: ``Problem`` 401; 503 when there are no keys to check it with.
    public func verify(_ token: [UInt8]) async throws -> Principal {
        let claims = try await checker.claims(of: token)
        let principal = try identify(claims)
        // Asked after the signature: a session that ends meanwhile has ended.
        if let problem = ended.problem(of: claims.session) { throw problem }
        memory.insert(
            Remembered(principal: principal, session: claims.session, expires: claims.expires + leeway),
            for: SHA256.hash(data: token))
        return principal
    }
}

extension Problem {
    public static let invalidToken = Problem(
        status: 401, detail: "The access token is not valid.", code: "invalid_token",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
    public static let tokenExpired = Problem(
        status: 401, detail: "The access token has expired.", code: "token_expired",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
    public static let sessionEnded = Problem(
        status: 401, detail: "The session has ended.", code: "session_ended",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
}
