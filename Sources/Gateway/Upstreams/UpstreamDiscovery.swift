import Logging
import MartletCore
import MartletDiscovery
import NIOCore
import Synchronization

/// The endpoints that discovery has found. Outlives configurations, so that a reload forgets nothing.
final class UpstreamDiscovery: Sendable {
    /// What identifies a watched source, however many upstreams use it.
    private struct Key: Hashable {
        let source: DiscoverySource
        let emptyHold: TimeAmount

        init(_ discovery: GatewayConfiguration.Discovery) {
            source = discovery.source
            emptyHold = discovery.emptyHold
        }
    }

    /// The status of a source for administrators.
    struct Status: Sendable {
        var endpoints: [DiscoveredEndpoint]?
        /// Names of registry entries that are not valid endpoints.
        var unusable: [String] = []
        var isReachable: Bool?
        var error: String?
    }

    private struct State {
        var wanted: Set<Key> = []
        var statuses: [Key: Status] = [:]
    }

    private let state = Mutex(State())
    private let logger: Logger
    /// Signals that ``State/wanted`` has changed.
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation
    /// Signals that endpoints have changed.
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init(logger: Logger) {
        self.logger = logger
        (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// The upstream with its currently known endpoints.
    func resolved(_ upstream: GatewayConfiguration.Upstream) -> GatewayConfiguration.Upstream {
        guard let discovery = upstream.discovery else { return upstream }
        let found = status(of: discovery).endpoints ?? []
        let allowed = found.filter { discovery.allows($0.endpoint) }
        var upstream = upstream
        upstream.endpoints = allowed.map(\.endpoint)
        upstream.weights = allowed.map(\.weight)
        return upstream
    }

    func status(of discovery: GatewayConfiguration.Discovery) -> Status {
        state.withLock { $0.statuses[Key(discovery)] } ?? Status()
    }

    /// Carries known endpoints over to upstreams whose discovery settings change, such as an interval or a password,
    /// until the new source reports its own. Call it before ``resolved(_:)``.
    /// - Parameter before: the upstreams in force.
    func carryOver(from before: [GatewayConfiguration.Upstream], to upstreams: [GatewayConfiguration.Upstream]) {
        let before = Dictionary(before.map { ($0.name, $0.discovery) }, uniquingKeysWith: { first, _ in first })
        state.withLock { state in
            // Drops leftovers of configurations that failed to load.
            state.statuses = state.statuses.filter { state.wanted.contains($0.key) }
            for upstream in upstreams {
                guard let discovery = upstream.discovery, let old = before[upstream.name] ?? nil else { continue }
                let key = Key(discovery)
                guard state.statuses[key]?.endpoints == nil,
                    let found = state.statuses[Key(old)]?.endpoints, !found.isEmpty
                else { continue }
                state.statuses[key, default: Status()].endpoints = key.source.adopted(found, from: old.source)
            }
        }
    }

    /// Watches the sources of the configuration now in force, and forgets all others.
    func follow(_ upstreams: [GatewayConfiguration.Upstream]) {
        let wanted = Set(upstreams.compactMap(\.discovery).map(Key.init))
        let isChanged = state.withLock { state in
            guard state.wanted != wanted else { return false }
            state.wanted = wanted
            state.statuses = state.statuses.filter { wanted.contains($0.key) }
            return true
        }
        if isChanged { wish.yield() }
    }

    /// Watches the sources until the task is cancelled.
    /// - Parameter apply: called when endpoints have changed.
    func run(_ apply: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watch() }
            for await _ in changes {
                // Combines changes from several sources, as at the start.
                try? await Task.sleep(for: .milliseconds(20))
                await apply()
            }
            group.cancelAll()
        }
    }

    private func watch() async {
        await withDiscardingTaskGroup { group in
            var running: [Key: AsyncStream<Never>.Continuation] = [:]
            func update() {
                let wanted = state.withLock { $0.wanted }
                for (key, stop) in running where !wanted.contains(key) {
                    stop.finish()
                    running[key] = nil
                }
                for key in wanted where running[key] == nil {
                    let (stopped, stop) = AsyncStream.makeStream(of: Never.self)
                    running[key] = stop
                    group.addTask { await self.watch(key, until: stopped) }
                }
            }
            update()
            for await _ in wishes { update() }
            group.cancelAll()
        }
    }

    private func watch(_ key: Key, until stopped: AsyncStream<Never>) async {
        var discovery = EndpointDiscovery(key.source, logger: logger)
        discovery.emptyHold = .nanoseconds(key.emptyHold.nanoseconds)
        discovery.known = state.withLock { $0.statuses[key]?.endpoints }
        await withTaskGroup(of: Void.self) { [discovery] group in
            group.addTask { await discovery.run { self.take($0, key) } }
            group.addTask { for await _ in stopped {} }
            await group.next()
            group.cancelAll()
        }
    }

    private func take(_ event: DiscoveryEvent, _ key: Key) {
        let isChanged = state.withLock { state in
            // A source that is no longer wanted must not be remembered.
            guard state.wanted.contains(key) else { return false }
            switch event {
            case .endpoints(let endpoints):
                state.statuses[key, default: Status()].endpoints = endpoints
                return true
            case .unusable(let names):
                state.statuses[key, default: Status()].unusable = names
            case .reachable:
                state.statuses[key, default: Status()].isReachable = true
                state.statuses[key]?.error = nil
            case .unreachable(let reason):
                state.statuses[key, default: Status()].isReachable = false
                state.statuses[key]?.error = reason
            }
            return false
        }
        guard isChanged else { return }
        if case .endpoints(let endpoints) = event {
            logger.info("endpoints found", metadata: ["source": "\(key.source)", "count": "\(endpoints.count)"])
        }
        change.yield()
    }
}

extension GatewayConfiguration.Discovery {
    /// Addresses that no service has but that a registry must not make the gateway contact: unspecified, link-local
    /// (including cloud metadata) and multicast ones.
    private static let never = ["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::", "fe80::/10", "ff00::/8"]
        .compactMap { AddressRange($0) }

    func allows(_ endpoint: Endpoint) -> Bool {
        guard case .tcp(let host, _) = endpoint else { return false }
        // A name's address is not known yet, so it is allowed only when all addresses are.
        guard let address = IPAddress(host) else { return allow.isEmpty }
        if !allow.isEmpty { return allow.contains { $0.contains(address) } }
        return !Self.never.contains { $0.contains(address) }
    }
}
