import MartletCore
import MartletData
import MartletWeb

/// The source of a sign-in, by which failures are counted and password hashing is shared.
struct LoginSource: Hashable, Sendable {
    /// A device or a network; never text chosen by the client.
    let name: String
    /// Whether the account has been signed in from there before.
    let isKnown: Bool
    /// The site of the source. All accounts and networks of a site share one part of the hashing capacity.
    let site: String

    /// - Parameter site: the site. Default: `name`.
    init(name: String, isKnown: Bool, site: String? = nil) {
        self.name = name
        self.isKnown = isKnown
        self.site = site ?? name
    }

    /// The IPv4 address or the IPv6 /64, which belongs to one client (RFC 6177).
    static func network(_ address: String?) -> String {
        address.flatMap { IPAddress($0) }?.network.description ?? "unknown"
    }

    /// The IPv4 address or the IPv6 /48, which may belong to one customer with its 65,536 networks (RFC 6177).
    static func site(_ address: String?) -> String {
        guard let address = address.flatMap({ IPAddress($0) }) else { return "unknown" }
        return (address.isIPv4 ? address : address.masked(to: 48)).description
    }

    /// The source of a signed-in user.
    static func user(_ principal: Principal, at address: String?) -> LoginSource {
        LoginSource(name: "user \(principal.userID)", isKnown: true, site: site(address))
    }

    /// The source of a client without an account.
    static func stranger(_ address: String?) -> LoginSource {
        LoginSource(name: network(address), isKnown: false, site: site(address))
    }
}

extension SessionStore {
    /// Recognizes devices from which an account has signed in before. A browser with the account's refresh cookie is a
    /// source of its own, even if others share its address.
    /// - Parameter account: nil when there is none. The queries run anyway, so that the response time reveals nothing.
    func source(of context: Context, for account: ID<User>?) async throws -> LoginSource {
        let user = account ?? ID(0)
        let network = LoginSource.network(context.clientAddress)
        let site = LoginSource.site(context.clientAddress)
        if let token = RefreshCookie.token(in: context) {
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
