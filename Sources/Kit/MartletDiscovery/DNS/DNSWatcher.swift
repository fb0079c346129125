/// Watches a name by querying it again whenever its TTL expires.
struct DNSWatcher: EndpointWatcher {
    /// The time limit for looking up the targets of SRV records, one after the other.
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
            // Query up to a tenth earlier, so that watchers started together drift apart.
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

    /// - Parameter known: the last known addresses of the targets. A target that cannot be resolved keeps them, or is
    ///   omitted if it has none, without affecting the others.
    /// - Throws: when no target can be resolved.
    private func services(_ known: inout [String: [String]]) async throws -> ([RegistryList.Server], ttl: Int?) {
        let answer = try await resolver.ask(source.name, .srv)
        let deadline = ContinuousClock.now + Self.patience
        var servers: [RegistryList.Server] = []
        var ttl = answer.ttl
        var current: [String: [String]] = [:]
        var failure: (any Error)?
        var isAnyKnown = false
        // Shuffle, so that targets with slow name servers do not always starve the same others.
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
        // An empty list requires a definite answer.
        guard isAnyKnown, !servers.isEmpty else { throw failure }
        known = current
        // Query again soon.
        return (servers, 0)
    }

    private func hosts(
        of target: String, _ answer: DNSAnswer, until deadline: ContinuousClock.Instant
    ) async throws -> ([String], ttl: Int?) {
        if let addresses = answer.additional[target] {
            return (addresses.ipv4.isEmpty ? addresses.ipv6 : addresses.ipv4, addresses.ttl)
        }
        guard .now < deadline else {
            throw DNSResolver.Failed(description: "the name servers were too slow to resolve '\(target)'")
        }
        // The trailing dot marks a fully qualified name.
        return try await hosts("\(target).", orIPv6: true, onlyIPv6: false)
    }

    /// The records of the lowest priority. A target of `.` means that the service is not available (RFC 2782).
    static func preferred(_ services: [DNSAnswer.Service]) -> [DNSAnswer.Service] {
        let real = services.filter { !["", "."].contains($0.target) }
        let priority = real.map(\.priority).min()
        // Bound the number of targets, whatever the name server returns.
        return Array(real.filter { $0.priority == priority }.prefix(100))
    }
}
