/// The instances of a service in Consul whose checks pass.
public struct ConsulSource: Sendable, Hashable {
    /// `http://host:port` or `https://host:port`.
    public var address: String
    public var service: String
    /// Restricts the instances to those with this tag. Default: all.
    public var tag: String?
    public var datacenter: String?
    /// An ACL token with read access to the service and its nodes.
    public var token: String?
    public var tls: RegistryTLS?
    /// The longest time that Consul blocks a query while nothing changes. Default: 55 seconds.
    public var wait = Duration.seconds(55)

    public init(address: String, service: String, tag: String? = nil, datacenter: String? = nil, token: String? = nil) {
        self.address = address
        self.service = service
        self.tag = tag
        self.datacenter = datacenter
        self.token = token
    }
}
