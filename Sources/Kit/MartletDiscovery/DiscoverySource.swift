public import MartletCore

/// Where the endpoints of a service are learned.
public enum DiscoverySource: Sendable, Hashable {
    /// Always the same.
    case fixed([DiscoveredEndpoint])
    /// Address or SRV records (RFC 1035, 3596, 2782).
    case dns(DNSSource)
    /// The keys below a prefix of etcd v3.
    case etcd(EtcdSource)
    /// The instances of a service whose checks pass in Consul.
    case consul(ConsulSource)
}

extension DiscoverySource {
    /// What another source has found, where it was asked for the same service, only otherwise: by another way, as somebody
    /// else, or for another part of it.
    /// - Returns: nil when it was asked for another service.
    public func adopted(_ found: [DiscoveredEndpoint], from other: DiscoverySource) -> [DiscoveredEndpoint]? {
        switch (self, other) {
        case (.dns(let own), .dns(let other)):
            guard own.name == other.name, (own.type == .srv) == (other.type == .srv) else { return nil }
            // Address records say nothing of ports.
            return own.type == .srv ? found : found.map { $0.at(port: own.port) }
        case (.etcd(let own), .etcd(let other)): return own.prefix == other.prefix ? found : nil
        case (.consul(let own), .consul(let other)): return own.service == other.service ? found : nil
        default: return nil
        }
    }
}

extension DiscoverySource: CustomStringConvertible {
    /// For logs and administrators: without passwords and tokens.
    public var description: String {
        switch self {
        case .fixed: "fixed"
        case .dns(let source): "dns \(source.type.rawValue) \(source.name)"
        case .etcd(let source): "etcd \(source.registry.hosts.joined(separator: ",")) \(source.prefix)"
        case .consul(let source): "consul \(source.address) \(source.service)"
        }
    }
}

/// One server of a service, as a registry names it.
public struct DiscoveredEndpoint: Sendable, Hashable {
    public let endpoint: Endpoint
    /// Its part of the requests beside the others: 1 to ``maximumWeight``.
    public let weight: Int

    /// Weights are relative; larger ones would only cost memory where they are spread out.
    public static let maximumWeight = 100

    public init(_ endpoint: Endpoint, weight: Int = 1) {
        self.endpoint = endpoint
        self.weight = min(max(1, weight), Self.maximumWeight)
    }

    fileprivate func at(port: Int) -> DiscoveredEndpoint {
        guard case .tcp(let host, _) = endpoint else { return self }
        return DiscoveredEndpoint(.tcp(host: host, port: port), weight: weight)
    }

    /// A server that a registry names. What is no plain host name or IP address is refused, as it ends up in sockets
    /// and header fields; a registry cannot name Unix sockets.
    init?(host: String, port: Int, weight: Int = 1) {
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        guard (1...65_535).contains(port), (1...253).contains(host.utf8.count), host.utf8.allSatisfy(isPlain),
            Self.isUnambiguous(host)
        else { return nil }
        self.init(.tcp(host: host, port: port), weight: weight)
    }

    /// Whether what looks like an address is one as everybody writes it. To the C library `0xA9FEA9FE`, `2852039166` and
    /// `169.16689662` are addresses too, which would slip past lists of addresses.
    private static func isUnambiguous(_ host: String) -> Bool {
        if host.contains(":") { return NumericAddress.isIPv6(host) }
        let last = host.split(separator: ".").last ?? ""
        let isNumeric = last.allSatisfy(\.isNumber) || last.lowercased().hasPrefix("0x")
        return !isNumeric || NumericAddress.isIPv4(host)
    }

    /// Brings weights of any size to 1 to ``maximumWeight`` and keeps their proportions.
    static func scaled(_ weights: [Int]) -> [Int] {
        let largest = weights.max() ?? 1
        guard largest > maximumWeight else { return weights.map { max(1, $0) } }
        return weights.map { weight in
            max(1, Int((Double(max(0, weight)) / Double(largest) * Double(maximumWeight)).rounded()))
        }
    }
}
