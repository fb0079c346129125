public import MartletCore

/// The source of a service's endpoints.
public enum DiscoverySource: Sendable, Hashable {
    /// A constant list.
    case fixed([DiscoveredEndpoint])
    /// Address or SRV records (RFC 1035, 3596, 2782).
    case dns(DNSSource)
    /// The keys below a prefix of etcd v3.
    case etcd(EtcdSource)
    /// The instances of a service whose checks pass in Consul.
    case consul(ConsulSource)
}

extension DiscoverySource {
    /// Returns the endpoints found by another source for the same service, adapted to this source. The sources may
    /// differ in address, credentials or filters.
    /// - Returns: nil when the other source is for another service.
    public func adopted(_ found: [DiscoveredEndpoint], from other: DiscoverySource) -> [DiscoveredEndpoint]? {
        switch (self, other) {
        case (.dns(let own), .dns(let other)):
            guard own.name == other.name, (own.type == .srv) == (other.type == .srv) else { return nil }
            // Address records do not contain ports.
            return own.type == .srv ? found : found.map { $0.at(port: own.port) }
        case (.etcd(let own), .etcd(let other)): return own.prefix == other.prefix ? found : nil
        case (.consul(let own), .consul(let other)): return own.service == other.service ? found : nil
        default: return nil
        }
    }
}

extension DiscoverySource: CustomStringConvertible {
    /// A description for logs and administrators, without passwords and tokens.
    public var description: String {
        switch self {
        case .fixed: "fixed"
        case .dns(let source): "dns \(source.type.rawValue) \(source.name)"
        case .etcd(let source): "etcd \(source.registry.hosts.joined(separator: ",")) \(source.prefix)"
        case .consul(let source): "consul \(source.address) \(source.service)"
        }
    }
}

/// One server of a service, as listed by a registry.
public struct DiscoveredEndpoint: Sendable, Hashable {
    public let endpoint: Endpoint
    /// Its share of the requests relative to the others: 1 to ``maximumWeight``.
    public let weight: Int

    /// The maximum weight. Weights are relative, and larger ones would only take more memory in the balancer.
    public static let maximumWeight = 100

    public init(_ endpoint: Endpoint, weight: Int = 1) {
        self.endpoint = endpoint
        self.weight = min(max(1, weight), Self.maximumWeight)
    }

    fileprivate func at(port: Int) -> DiscoveredEndpoint {
        guard case .tcp(let host, _) = endpoint else { return self }
        return DiscoveredEndpoint(.tcp(host: host, port: port), weight: weight)
    }

    /// Creates an endpoint from a registry's data. Accepts only plain host names and IP addresses, because the host is
    /// used in sockets and header fields. A registry cannot name Unix sockets.
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

    /// Whether a host that looks like an IP address is in its canonical form. The C library also accepts `0xA9FEA9FE`,
    /// `2852039166` and `169.16689662`, which would bypass address lists.
    private static func isUnambiguous(_ host: String) -> Bool {
        if host.contains(":") { return NumericAddress.isIPv6(host) }
        let last = host.split(separator: ".").last ?? ""
        let isNumeric = last.allSatisfy(\.isNumber) || last.lowercased().hasPrefix("0x")
        return !isNumeric || NumericAddress.isIPv4(host)
    }

    /// Scales weights of any size to 1 … ``maximumWeight``, preserving their proportions.
    static func scaled(_ weights: [Int]) -> [Int] {
        let largest = weights.max() ?? 1
        guard largest > maximumWeight else { return weights.map { max(1, $0) } }
        return weights.map { weight in
            max(1, Int((Double(max(0, weight)) / Double(largest) * Double(maximumWeight)).rounded()))
        }
    }
}
