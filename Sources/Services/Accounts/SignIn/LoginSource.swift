import MartletCore

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
