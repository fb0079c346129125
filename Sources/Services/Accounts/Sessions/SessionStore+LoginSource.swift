import MartletCore
import MartletData

extension SessionStore {
    /// Recognizes devices from which an account has signed in before. A browser with the account's refresh cookie is a
    /// source of its own, even if others share its address.
    /// - Parameters:
    ///   - token: the refresh token in the browser's cookie.
    ///   - address: the client's address.
    ///   - account: nil when there is none. The queries run anyway, so that the response time reveals nothing.
    func source(of token: RefreshToken?, at address: String?, for account: ID<User>?) async throws -> LoginSource {
        let user = account ?? ID(0)
        let network = LoginSource.network(address)
        let site = LoginSource.site(address)
        if let token {
            let session = try await database.value(
                String.self,
                """
                SELECT sessions.id FROM sessions JOIN refresh_tokens ON refresh_tokens.session_id = sessions.id
                WHERE refresh_tokens.digest = \(token.digest) AND sessions.user_id = \(user)
                """)
            if let session { return LoginSource(name: "session \(session)", isKnown: true, site: site) }
        }
        let addresses = try await database.values(
            String.self,
            """
            SELECT address FROM sessions WHERE user_id = \(user) AND address IS NOT NULL
            ORDER BY created_at DESC LIMIT 20
            """)
        return LoginSource(
            name: network,
            isKnown: network != "unknown" && addresses.contains { LoginSource.network($0) == network }, site: site)
    }
}
