/// Asks for a name again whenever its answer has run out.
struct DNSWatcher: EndpointWatcher {
    /// How long the targets of SRV records are looked up, one after the other.
    private static let patience = Duration.seconds(15)

    private let source: DNSSource
    private let resolver: DNSResolver

    init(_ source: DNSSource) {
        self.source = source
        resolver = DNSResolver(server: source.server)
    }

    func watch(_ found: @Sendable (RegistryList) -> Void) async throws {
        var known: [String: [String]] = [:]
        while true {
            let (servers, ttl) = try await source.type == .srv ? services(&known) : addresses()
            found(RegistryList(servers))
            // A tenth sooner at the most, so that many that started together drift apart.
            let interval = source.interval(ttl: ttl)
            try await Task.sleep(for: interval - interval / 10 * Double.random(in: 0...1))
        }
    }

    private func addresses() async throws -> ([RegistryList.Server], ttl: Int?) {
        let (hosts, ttl) = try await hosts(source.name, orIPv6: source.type == .a, onlyIPv6: source.type == .aaaa)
        return (hosts.map { .init(host: $0, port: source.port) }, ttl)
    }

    private func hosts(_ name: String, orIPv6: Bool, onlyIPv6: Bool) async throws -> ([String], ttl: Int?) {
        if !onlyIPv6 {
            let answer = try await resolver.ask(name, .a)
            if !answer.ipv4.isEmpty || !orIPv6 { return (answer.ipv4, answer.ttl) }
        }
        let answer = try await resolver.ask(name, .aaaa)
        return (answer.ipv6, answer.ttl)
    }

    /// - Parameter known: the addresses of the targets. One that nobody can tell about keeps them, and is left out when it
    ///   has none: the others are none the worse for it.
    /// - Throws: when nobody can tell about any target.
    private func services(_ known: inout [String: [String]]) async throws -> ([RegistryList.Server], ttl: Int?) {
        let answer = try await resolver.ask(source.name, .srv)
        let deadline = ContinuousClock.now + Self.patience
        var servers: [RegistryList.Server] = []
        var ttl = answer.ttl
        var current: [String: [String]] = [:]
        var failure: (any Error)?
        var isAnyKnown = false
        // In another order each time, so that those whose name servers are slow do not keep the others waiting for ever.
        for service in Self.preferred(answer.services).shuffled() {
            let target = service.target.lowercased()
            do {
                let (hosts, hostTTL) = try await self.hosts(of: target, answer, until: deadline)
                current[target] = hosts
                ttl = [ttl, hostTTL].compactMap(\.self).min()
                isAnyKnown = true
            } catch {
                try Task.checkCancellation()
                current[target] = known[target] ?? []
                failure = error
            }
            for host in current[target] ?? [] {
                servers.append(.init(host: host, port: service.port, weight: service.weight))
            }
        }
        guard let failure else {
            known = current
            return (servers, ttl)
        }
        // That there is nobody must have been said.
        guard isAnyKnown, !servers.isEmpty else { throw failure }
        known = current
        // Asked again soon.
        return (servers, 0)
    }

    private func hosts(
        of target: String, _ answer: DNSAnswer, until deadline: ContinuousClock.Instant
    ) async throws -> ([String], ttl: Int?) {
        if let addresses = answer.additional[target] {
            return (addresses.ipv4.isEmpty ? addresses.ipv6 : addresses.ipv4, addresses.ttl)
        }
        guard .now < deadline else {
            throw DNSResolver.Failed(description: "the name servers are too slow to tell about '\(target)'")
        }
        // The dot says that the name is whole.
        return try await hosts("\(target).", orIPv6: true, onlyIPv6: false)
    }

    /// Those of the lowest priority. A target of `.` says that the service is not there (RFC 2782).
    static func preferred(_ services: [DNSAnswer.Service]) -> [DNSAnswer.Service] {
        let real = services.filter { !["", "."].contains($0.target) }
        let priority = real.map(\.priority).min()
        // No more targets are looked up than anybody has, whatever a name server says.
        return Array(real.filter { $0.priority == priority }.prefix(100))
    }
}
