public import Logging
public import MartletClient
public import MartletCore
import MartletTokens

/// Turns the platform's own bearer tokens (RFC 6750) into principals.
public final class Authenticator: Sendable {
    private let verifier: TokenVerifier<Principal>
    private let onRevoke: @Sendable (_ session: String, _ until: Timestamp) -> Void

    /// - Parameters:
    ///   - issuer: the service that publishes the keys which tokens are signed with.
    ///   - onRevoke: is told of every session that ends, for others in this process that remember tokens.
    public init(
        issuer client: ServiceClient, clock: WallClock = .system, logger: Logger,
        onRevoke: @escaping @Sendable (_ session: String, _ until: Timestamp) -> Void = { _, _ in }
    ) {
        let keys = TokenKeys(
            .platform, logger: logger,
            fetch: { path in
                let response = try await client.get(path)
                guard response.status == 200 else { throw Problem.unavailable("The token keys cannot be had.") }
                return response.body
            })
        verifier = TokenVerifier(.platform, keys: keys, clock: clock) { (claims) throws(Problem) in
            guard let principal = Principal(claims) else { throw Problem.invalidToken }
            return principal
        }
        self.onRevoke = onRevoke
    }

    /// - Parameter authorization: the value of the `Authorization` header.
    /// - Throws: ``Problem`` 401; 503 when the issuer's keys cannot be had.
    public func principal(authorization: String?) async throws -> Principal {
        guard let authorization else { throw Problem.unauthorized("Sign in first.") }
        let parts = HeaderText.parts(authorization, separatedBy: " ")
        guard parts.count == 2, MemberName.isSame(HeaderText.lowercased(parts[0]), "bearer") else {
            throw Problem.unauthorized("The Authorization header must be 'Bearer <access token>'.")
        }
        let token = Array(parts[1].utf8)
        if let known = token.withUnsafeBytes({ verifier.known($0) }) { return try known.get() }
        return try await verifier.verify(token)
    }

    /// Ends every access token of a session at once, in this process.
    /// - Parameter until: when the last of them would have ended by itself.
    public func revoke(session: String, until: Timestamp) {
        verifier.revoke(session: session, until: until.secondsSince1970)
        onRevoke(session, until)
    }
}

extension TokenIssuer {
    /// Accounts, by the claims that ``AccessToken`` has and the key set it publishes.
    static var platform: TokenIssuer {
        var issuer = TokenIssuer()
        issuer.issuer = AccessToken.issuer
        issuer.audience = AccessToken.issuer
        issuer.keySetURL = "/.well-known/jwks.json"
        // A token that ends early is renewed; none lasts longer than it says.
        issuer.leeway = .zero
        return issuer
    }
}

extension Principal {
    /// Nil when these are not the claims of an ``AccessToken``.
    fileprivate init?(_ claims: TokenClaims) {
        guard let userID = Int64(claims.subject), let name = claims.name, let session = claims.session else {
            return nil
        }
        self.init(
            userID: userID, username: name, sessionID: session, permissions: claims.permissions,
            isStaff: claims.isStaff, isSuperuser: claims.isSuperuser)
    }
}
