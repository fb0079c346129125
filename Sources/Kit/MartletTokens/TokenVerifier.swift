import Crypto
public import MartletCore

/// Verifies JSON Web Tokens with ``TokenChecker``, checks that their sessions have not ended, and caches the result.
///
/// The result is cached by the token's SHA-256 until the token expires or its session ends: verifying a signature costs
/// more than the rest of a request.
public final class TokenVerifier<Principal: Sendable>: Sendable {
    private struct Remembered {
        let principal: Principal
        let session: String?
        /// The expiry including the leeway, in seconds since 1970.
        let expires: Int64
    }

    private let checker: TokenChecker
    private let ended: EndedSessions
    private let clock: WallClock
    private let memory = TokenMemory<Remembered>()
    private let leeway: Int64
    private let identify: @Sendable (TokenClaims) throws(Problem) -> Principal

    /// - Parameters:
    ///   - ended: the sessions whose tokens are rejected.
    ///   - identify: converts claims to the value that is cached, or throws when they are insufficient.
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

    /// The cached result for a token; nil when it must be verified with ``verify(_:)``.
    public func known(_ token: UnsafeRawBufferPointer) -> Result<Principal, Problem>? {
        guard token.count <= CompactToken.maximumLength else { return .failure(.invalidToken) }
        guard let remembered = memory[SHA256.hash(data: token)] else { return nil }
        if let problem = ended.problem(of: remembered.session) { return .failure(problem) }
        return clock.now.secondsSince1970 < remembered.expires
            ? .success(remembered.principal) : .failure(.tokenExpired)
    }

    /// Verifies a token completely and caches the result.
    /// - Throws: ``Problem`` 401; 503 when no keys are available.
    public func verify(_ token: [UInt8]) async throws -> Principal {
        let claims = try await checker.claims(of: token)
        let principal = try identify(claims)
        // Check after the signature, because the session may have ended meanwhile.
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
