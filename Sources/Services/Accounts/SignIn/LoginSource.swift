import MartletCore

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
