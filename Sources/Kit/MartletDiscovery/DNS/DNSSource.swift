/// The DNS records of a name.
public struct DNSSource: Sendable, Hashable {
    public enum RecordType: String, Sendable, CaseIterable {
        /// A records, or AAAA records if there are none.
        case a
        case aaaa
        /// SRV records (RFC 2782) name hosts with their ports and weights. Those of the lowest priority are used.
        case srv
    }

    /// A name server.
    public struct Server: Sendable, Hashable {
        /// An IPv4 address in dotted form.
        public var address: String
        public var port: Int

        public init(address: String, port: Int = 53) {
            self.address = address
            self.port = port
        }
    }

    public var name: String
    public var type: RecordType
    /// The port for address records. SRV records contain their own.
    public var port: Int
    /// The name server to query. Default: the servers and search domains in `/etc/resolv.conf`, read for each query.
    public var server: Server?
    /// The shortest time until the next query, even for a lower TTL or an empty answer. Default: 5 seconds.
    public var minimumInterval = Duration.seconds(5)
    /// The longest time until the next query, even for a higher TTL. Default: 300 seconds.
    public var maximumInterval = Duration.seconds(300)

    public init(name: String, type: RecordType = .a, port: Int = 0, server: Server? = nil) {
        self.name = name
        self.type = type
        self.port = port
        self.server = server
    }

    /// The time from an answer to the next query.
    func interval(ttl: Int?) -> Duration {
        min(maximumInterval, max(minimumInterval, .seconds(ttl ?? 0)))
    }
}
