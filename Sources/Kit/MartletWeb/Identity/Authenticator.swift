public import Logging
public import MartletClient
public import MartletCore
public import MartletTokens
public import ServiceLifecycle

/// Authenticates requests with the platform's own bearer tokens (RFC 6750).
public final class Authenticator: Sendable {
    private let verifier: TokenVerifier<Principal>
    private let ended: EndedSessions
    private let refresher = KeyRefresher()
    private let onRevoke: @Sendable (_ session: String, _ until: Timestamp) -> Void

    /// - Parameters:
    ///   - issuer: the service that publishes the token keys.
    ///   - onRevoke: called for every session that ends, so that other token caches in this process can drop it.
    public init(
        issuer client: ServiceClient, clock: WallClock = .system, monotonicClock: MonotonicClock = .system,
        logger: Logger,
        onRevoke: @escaping @Sendable (_ session: String, _ until: Timestamp) -> Void = { _, _ in }
    ) {
        var issuer = TokenIssuer.platform
        issuer.keySetURL = "/.well-known/jwks.json"
        let keys = TokenKeys(
            issuer, refresher: refresher, logger: logger,
            fetch: { path in
                let response = try await client.send(ServiceRequest(.get, path))
                guard response.status == 200 else { throw Problem.unavailable("The token keys are unavailable.") }
                return response.body
            })
        ended = EndedSessions(clock: clock, monotonicClock: monotonicClock)
        verifier = TokenVerifier(issuer, keys: keys, ended: ended, clock: clock) { (claims) throws(Problem) in
            guard let principal = Principal(claims) else { throw Problem.invalidToken }
            return principal
        }
        self.onRevoke = onRevoke
    }

    /// - Parameter authorization: the value of the `Authorization` header.
    /// - Throws: ``Problem`` 401; 503 when the issuer's keys are unavailable.
    public func principal(authorization: String?) async throws -> Principal {
        guard let authorization else { throw Problem.unauthorized("Sign in first.") }
        let token = try BearerToken.read(authorization)
        if let known = token.withUnsafeBytes({ verifier.known($0) }) { return try known.get() }
        return try await verifier.verify(token)
    }

    /// Revokes every access token of a session in this process immediately, in time independent of the number of tokens
    /// and sessions.
    /// - Parameter until: when the last of these tokens expires.
    public func revoke(session: String, until: Timestamp) {
        ended.insert(session, until: until.secondsSince1970)
        onRevoke(session, until)
    }
}

/// Refreshes the issuer's keys in the background until shutdown.
extension Authenticator: ServiceLifecycle.Service {
    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.refresher.run() }
    }
}

extension TokenIssuer {
    /// Accounts as an issuer, as ``AccessToken`` describes it; without its keys.
    public static var platform: TokenIssuer {
        var issuer = TokenIssuer()
        issuer.issuer = AccessToken.issuer
        issuer.audience = AccessToken.issuer
        // RFC 9068 §4.
        issuer.type = "at+jwt"
        // A token that expires early is renewed, so none needs to be accepted past its expiry.
        issuer.leeway = .zero
        // Accept tokens issued by a clock slightly ahead of this one.
        issuer.issueTolerance = .seconds(60)
        return issuer
    }
}

extension Principal {
    /// - Returns: nil when these are not the claims of an ``AccessToken``.
    public init?(_ claims: TokenClaims) {
        guard let userID = Int64(claims.subject), let name = claims.name, let session = claims.session else {
            return nil
        }
        self.init(
            userID: userID, username: name, sessionID: session, permissions: claims.permissions,
            isStaff: claims.isStaff, isSuperuser: claims.isSuperuser)
    }
}
