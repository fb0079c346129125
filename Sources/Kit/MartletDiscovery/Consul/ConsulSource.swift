/// A service in Consul: its instances whose checks pass.
public struct ConsulSource: Sendable, Hashable {
    /// `http://host:port` or `https://host:port`.
    public var address: String
    public var service: String
    /// Only instances with this tag, when it is there.
    public var tag: String?
    public var datacenter: String?
    /// An ACL token that may read the service and its nodes.
    public var token: String?
    public var tls: RegistryTLS?
    /// How long Consul may hold an answer back while nothing changes.
    public var wait = Duration.seconds(55)

    public init(address: String, service: String, tag: String? = nil, datacenter: String? = nil, token: String? = nil) {
        self.address = address
        self.service = service
        self.tag = tag
        self.datacenter = datacenter
        self.token = token
    }
}
