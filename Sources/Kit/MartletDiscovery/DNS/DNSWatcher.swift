/// Asks for a name again whenever its answer has run out.
struct DNSWatcher: EndpointWatcher {
    private let source: DNSSource
    private let resolver: DNSResolver

    init(_ source: DNSSource) {
        self.source = source
        resolver = DNSResolver(server: source.server)
    }

    func watch(_ found: @Sendable ([DiscoveredEndpoint]) -> Void) async throws {
        while true {
            let (endpoints, ttl) = try await source.type == .srv ? services() : addresses(of: source.name)
            found(endpoints)
            // A tenth sooner at the most, so that many that started together drift apart.
            let interval = source.interval(ttl: ttl)
            try await Task.sleep(for: interval - interval / 10 * Double.random(in: 0...1))
        }
    }

    private func addresses(of name: String) async throws -> ([DiscoveredEndpoint], ttl: Int?) {
        let (hosts, ttl) = try await hosts(name, orIPv6: source.type == .a, onlyIPv6: source.type == .aaaa)
        return (hosts.compactMap { DiscoveredEndpoint(host: $0, port: source.port) }, ttl)
    }

    private func hosts(_ name: String, orIPv6: Bool, onlyIPv6: Bool) async throws -> ([String], ttl: Int?) {
        if !onlyIPv6 {
            let answer = try await resolver.ask(name, .a)
            if !answer.ipv4.isEmpty || !orIPv6 { return (answer.ipv4, answer.ttl) }
        }
        let answer = try await resolver.ask(name, .aaaa)
        return (answer.ipv6, answer.ttl)
    }

    private func services() async throws -> ([DiscoveredEndpoint], ttl: Int?) {
        let answer = try await resolver.ask(source.name, .srv)
        let chosen = Self.preferred(answer.services)
        let weights = DiscoveredEndpoint.scaled(chosen.map(\.weight))
        var endpoints: [DiscoveredEndpoint] = []
        var ttl = answer.ttl
        for (service, weight) in zip(chosen, weights) {
            var hosts = answer.additional[service.target.lowercased()] ?? []
            if hosts.isEmpty {
                // The dot says that the name is whole.
                let (found, hostTTL) = try await self.hosts("\(service.target).", orIPv6: true, onlyIPv6: false)
                hosts = found
                if let hostTTL { ttl = min(ttl ?? .max, hostTTL) }
            }
            endpoints += hosts.compactMap { DiscoveredEndpoint(host: $0, port: service.port, weight: weight) }
        }
        return (endpoints, ttl)
    }

    /// Those of the lowest priority. A target of `.` says that the service is not there (RFC 2782).
    static func preferred(_ services: [DNSAnswer.Service]) -> [DNSAnswer.Service] {
        let real = services.filter { !["", "."].contains($0.target) }
        let priority = real.map(\.priority).min()
        // No more targets are looked up than anybody has, whatever a name server says.
        return Array(real.filter { $0.priority == priority }.prefix(100))
    }
}
