import MartletSystem

/// An IPv6 address, or an IPv4 address in its mapped form (RFC 4291 §2.5.5.2), so that a peer compares equal on
/// single-stack and dual-stack listeners.
public struct IPAddress: Sendable, Hashable {
    private let high: UInt64
    private let low: UInt64

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Returns: nil unless the text is an address alone, without port, brackets or zone.
    public init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4)
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6)
        } else {
            return nil
        }
    }

    /// The smallest network assigned to one client: the IPv4 address itself, or the /64 of an IPv6 address (RFC 6177).
    public var network: IPAddress { isIPv4 ? self : masked(to: 64) }

    private init(_ address: in_addr) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: address.s_addr)))
    }

    private init(_ address: in6_addr) {
        let words = withUnsafeBytes(of: address) {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    public var isLoopback: Bool { isIPv4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1 }

    /// Returns the address with all bits after the first `prefix` cleared. `prefix` counts in the IPv6 form: 0 to 128.
    public func masked(to prefix: Int) -> IPAddress {
        IPAddress(
            high: prefix >= 64 ? high : prefix <= 0 ? 0 : high & ~(UInt64.max >> UInt64(prefix)),
            low: prefix >= 128 ? low : prefix <= 64 ? 0 : low & ~(UInt64.max >> UInt64(prefix - 64)))
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address without brackets; IPv4 in dotted-decimal form.
    public var description: String {
        if isIPv4 {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        }
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) {
            $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &address, &text, socklen_t(text.count)) != nil else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
