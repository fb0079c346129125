import MartletCore
import NIOCore

/// A range of IP addresses in CIDR notation: `10.0.0.0/8`, `fd00::/8`, or one address.
package struct AddressRange: Sendable, Hashable {
    fileprivate let network: IPAddress
    fileprivate let prefix: Int

    /// - Returns: nil when the text is not an address or the prefix length does not fit the address family.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        var prefix = 128
        if parts.count == 2 {
            guard let length = Int(parts[1]), length >= 0, length <= (address.isIPv4 ? 32 : 128) else { return nil }
            prefix = address.isIPv4 ? length + 96 : length
        }
        self.prefix = prefix
        network = address.masked(to: prefix)
    }

    func contains(_ address: IPAddress) -> Bool { address.masked(to: prefix) == network }
}

/// A set of address ranges. A lookup costs one hash lookup per distinct prefix length, however many ranges there are.
struct AddressSet: Sendable, ExpressibleByArrayLiteral {
    private let networks: [(prefix: Int, members: Set<IPAddress>)]

    init(_ ranges: [AddressRange]) {
        networks = Dictionary(grouping: ranges, by: \.prefix).sorted { $0.key < $1.key }
            .map { (prefix: $0.key, members: Set($0.value.map(\.network))) }
    }

    init(arrayLiteral ranges: AddressRange...) { self.init(ranges) }

    var isEmpty: Bool { networks.isEmpty }

    func contains(_ address: IPAddress) -> Bool {
        networks.contains { $0.members.contains(address.masked(to: $0.prefix)) }
    }

    /// The hash lookups that one address costs: one per distinct prefix length.
    var probes: Int { networks.count }
}

extension IPAddress {
    /// Nil for Unix sockets, which have no IP address.
    init?(_ address: SocketAddress) {
        guard let text = address.ipAddress else { return nil }
        self.init(text)
    }
}
