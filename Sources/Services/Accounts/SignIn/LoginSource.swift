import MartletCore
import MartletData
import MartletWeb

/// Where a sign-in comes from, as failures and the hashing of passwords are counted by.
struct LoginSource: Hashable, Sendable {
    /// A device or a network; never text of a client's choice.
    let name: String
    /// Whether the account has been signed in from there before.
    let isKnown: Bool
    /// Where it is: whoever has many accounts or networks there has one share of the hashing.
    let site: String

    /// - Parameter site: nil when it is what the source is named after.
    init(name: String, isKnown: Bool, site: String? = nil) {
        self.name = name
        self.isKnown = isKnown
        self.site = site ?? name
    }

    /// The address, or the /64 of IPv6, which one client has to itself (RFC 6177).
    static func network(_ address: String?) -> String {
        address.flatMap { IPAddress($0) }?.network.description ?? "unknown"
    }

    /// The address, or the /48 of IPv6, which a customer may have to itself with its 65,536 networks (RFC 6177).
    static func site(_ address: String?) -> String {
        guard let address = address.flatMap({ IPAddress($0) }) else { return "unknown" }
        return (address.isIPv4 ? address : address.masked(to: 48)).description
    }

    /// Somebody who is signed in.
    static func user(_ principal: Principal, at address: String?) -> LoginSource {
        LoginSource(name: "user \(principal.userID)", isKnown: true, site: site(address))
    }

    /// Somebody without an account, at an address.
    static func stranger(_ address: String?) -> LoginSource {
        LoginSource(name: network(address), isKnown: false, site: site(address))
    }
}

extension SessionStore {
    /// Tells devices that an account has been signed in from before. A browser that still has the account's refresh
    /// cookie is one by itself, whoever else shares its address.
    /// - Parameter account: nil where there is none; it is asked for all the same, so that the time tells nothing.
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
