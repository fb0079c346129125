/// Records of a name in the DNS.
public struct DNSSource: Sendable, Hashable {
    public enum RecordType: String, Sendable, CaseIterable {
        /// A records; AAAA records where there are none.
        case a
        case aaaa
        /// SRV records (RFC 2782) name hosts with their ports and weights. Those of the lowest priority are used.
        case srv
    }

    /// The name server to ask.
    public struct Server: Sendable, Hashable {
        /// An IPv4 address, dotted.
        public var address: String
        public var port: Int

        public init(address: String, port: Int = 53) {
            self.address = address
            self.port = port
        }
    }

    public var name: String
    public var type: RecordType
    /// The port of what address records name; SRV records bring theirs along.
    public var port: Int
    /// Nil: the servers and search domains of `/etc/resolv.conf`, read anew each time.
    public var server: Server?
    /// Answers are kept for their TTL, but no shorter than this; so are empty ones.
    public var minimumInterval = Duration.seconds(5)
    /// And no longer than this.
    public var maximumInterval = Duration.seconds(300)

    public init(name: String, type: RecordType = .a, port: Int = 0, server: Server? = nil) {
        self.name = name
        self.type = type
        self.port = port
        self.server = server
    }

    /// When to ask again after an answer.
    func interval(ttl: Int?) -> Duration {
        min(maximumInterval, max(minimumInterval, .seconds(ttl ?? 0)))
    }
}
