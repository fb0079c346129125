import MartletCore
import MartletData

extension SessionStore {
    /// Tells devices that an account has been signed in from before. A browser that still has the account's refresh
    /// cookie is one by itself, whoever else shares its address.
    /// - Parameters:
    ///   - token: the refresh token of the browser's cookie.
    ///   - address: the client's address.
    ///   - account: nil where there is none; it is asked for all the same, so that the time tells nothing.
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
