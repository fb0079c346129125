import MartletCore
import NIOCore

/// A range of IP addresses in CIDR notation: `10.0.0.0/8`, `fd00::/8`, or one address.
public struct AddressRange: Sendable, Hashable {
    private let network: IPAddress
    private let prefix: Int

    /// - Returns: nil when the text is no address or the prefix length does not fit it.
    public init?(_ text: String) {
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

extension IPAddress {
    /// Nil for Unix sockets.
    init?(_ address: SocketAddress) {
        guard let text = address.ipAddress else { return nil }
        self.init(text)
    }
}
