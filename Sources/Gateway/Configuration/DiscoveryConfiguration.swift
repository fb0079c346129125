import MartletCore
package import MartletDiscovery
package import NIOCore

extension GatewayConfiguration {
    /// Where to look up an upstream's endpoints when they are not listed.
    package struct Discovery: Sendable, Equatable {
        package var source: DiscoverySource
        /// The networks in which endpoints may be; others are ignored. When empty, all except addresses that no service
        /// has, such as link-local ones.
        package var allow: [AddressRange]
        /// How long the last endpoints stay in use after the source reports none. Default: 30 s.
        package var emptyHold = TimeAmount.seconds(30)

        package init(_ source: DiscoverySource, allow: [AddressRange] = []) {
            self.source = source
            self.allow = allow
        }
    }
}

extension GatewayConfiguration.Discovery {
    init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["dns", "etcd", "consul", "allow", "hold_empty"]),
            let (kind, value) = fields.one(of: ["dns", "etcd", "consul"])
        else { return nil }
        let source: DiscoverySource?
        switch kind {
        case "dns": source = DNSSource(value).map { .dns($0) }
        case "etcd": source = EtcdSource(value).map { .etcd($0) }
        default: source = ConsulSource(value).map { .consul($0) }
        }
        let allow = fields["allow"]?.addresses() ?? []
        let hold = fields["hold_empty"]?.duration(.zero ... .hours(24))
        guard let source else { return nil }
        self.init(source, allow: allow)
        emptyHold = hold ?? emptyHold
    }
}

extension DNSSource {
    fileprivate init?(_ node: ConfigNode) {
        guard
            let fields = node.mapping(
                ["name", "port", "type", "server", "minimum_ttl", "maximum_ttl"], such: "{name: a.internal, port: 8001}"
            )
        else { return nil }
        let given = fields.required("name")?.text()
        let name = given ?? ""
        let type = fields["type"]?.choice(RecordType.self) ?? .a
        self.init(name: name, type: type)
        if type == .srv {
            fields["port"]?.fail("must not be set: SRV records carry the port")
        } else {
            port = fields.required("port")?.integer(1...65_535) ?? 0
        }
        if let node = fields["server"], let endpoint = node.endpoint() {
            if case .tcp(let host, let port) = endpoint, IPAddress(host)?.isIPv4 == true, port > 0 {
                server = Server(address: host, port: port)
            } else {
                node.fail("must be an IPv4 address and port, such as 10.0.0.53:53")
            }
        }
        if let shortest = fields["minimum_ttl"]?.duration() { minimumInterval = .nanoseconds(shortest.nanoseconds) }
        if let longest = fields["maximum_ttl"]?.duration() { maximumInterval = .nanoseconds(longest.nanoseconds) }
        if minimumInterval > maximumInterval { node.fail("minimum_ttl is longer than maximum_ttl") }
        if given == nil { return nil }
    }
}

extension EtcdSource {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["endpoints", "prefix", "service", "user", "password", "tls"]),
            let endpoints = fields.required("endpoints")
        else { return nil }
        let hosts = endpoints.list().compactMap { $0.registryURL() }
        if hosts.isEmpty { endpoints.fail("needs at least one endpoint") }
        guard let (kind, value) = fields.one(of: ["prefix", "service"]), let text = value.text() else { return nil }
        if text.isEmpty { value.fail("must not be empty") }
        let registry = EtcdRegistry(
            hosts: hosts, user: fields["user"]?.text(), password: fields["password"]?.text() ?? "",
            tls: fields["tls"].flatMap { RegistryTLS($0) })
        self.init(registry, prefix: kind == "prefix" ? text : EtcdSource.prefix(of: text))
    }
}

extension ConsulSource {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["address", "service", "tag", "datacenter", "token", "tls"]) else { return nil }
        // Reads both before either ends this, so that both errors are reported.
        let found = (fields.required("address")?.registryURL(), fields.required("service")?.text())
        guard let address = found.0, let service = found.1 else { return nil }
        self.init(
            address: address, service: service, tag: fields["tag"]?.text(), datacenter: fields["datacenter"]?.text(),
            token: fields["token"]?.text())
        tls = fields["tls"].flatMap { RegistryTLS($0) }
    }
}

extension RegistryTLS {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["ca", "certificate", "key"]) else { return nil }
        if (fields["certificate"] == nil) != (fields["key"] == nil) { node.fail("needs both certificate and key") }
        self.init(
            authorities: fields["ca"]?.file(), certificate: fields["certificate"]?.file(), key: fields["key"]?.file())
    }
}

extension ConfigNode {
    /// `http://host:port` or `https://host:port`.
    fileprivate func registryURL() -> String? {
        guard let text = text() else { return nil }
        do throws(EtcdRegistry.ParseError) {
            let registry = try EtcdRegistry(url: text)
            guard registry.hosts.count == 1, registry.user == nil, let url = registry.hosts.first else {
                fail("must be one http://host:port or https://host:port")
                return nil
            }
            return url
        } catch {
            fail("\(error)")
            return nil
        }
    }
}
