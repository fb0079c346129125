import MartletCore
import MartletTelemetry
import NIOCore

/// An upstream as seen by one event loop: a connection pool per endpoint, and the balancer.
final class UpstreamCluster {
    let configuration: GatewayConfiguration.Upstream
    let tls: UpstreamTLSContext?
    private let states: [EndpointState]
    let pools: [EndpointPool]
    let concurrency: ConcurrencyLimit?
    /// The `Host` for each endpoint if each has its own; else nil.
    let hosts: [[UInt8]?]
    /// Pools that another cluster has taken over.
    private var taken: Set<ObjectIdentifier> = []
    private var balancer: Balancer
    private let attempts: [AttemptCounters]
    private let retries: UpstreamRetries
    private let metrics: UpstreamInstruments
    private unowned let loop: LoopContext
    private(set) var budget = RetryBudget()

    /// - Parameter before: the upstream's previous cluster, whose connections to remaining endpoints are taken over. It
    ///   must be retired afterwards.
    init(_ upstream: GatewaySettings.CompiledUpstream, loop: LoopContext, before: UpstreamCluster? = nil) {
        configuration = upstream.configuration
        tls = upstream.tls
        states = upstream.states
        concurrency = upstream.concurrency
        self.loop = loop
        retries = upstream.retries
        let (name, all) = (configuration.name, loop.metrics)
        metrics = all.upstream(name)
        attempts = states.map { state in
            AttemptCounters { all.attempts(name, endpoint: state.endpoint.description, outcome: $0) }
        }
        hosts = states.map { upstream.host(of: $0.endpoint) }
        balancer = Balancer(
            configuration.balance, endpoints: states.map { ($0.endpoint.description, $0.weight) })
        var known: [Endpoint: EndpointPool] = [:]
        for pool in before?.pools ?? [] where pool.serves(upstream) { known[pool.endpoint] = pool }
        pools = states.map { state in
            // An endpoint listed twice has two pools.
            known.removeValue(forKey: state.endpoint)
                ?? EndpointPool(state, upstream: upstream, loop: loop)
        }
        for (state, pool) in zip(states, pools) { pool.state = state }
        if let before {
            before.taken = Set(pools.map(ObjectIdentifier.init))
            budget = before.budget
            balancer.takeOver(from: before.balancer)
        }
    }

    /// The key for choosing an endpoint, read from the request's head; 0 if the balancing needs none.
    func key(_ request: RequestView) -> UInt64 {
        guard case .consistentHash(let key) = configuration.balance else { return 0 }
        switch key {
        case .client: return HashRing.hash((request.clientAddress?.description ?? "").utf8)
        case .header(let name):
            return HashRing.hash(request.header(Array(name.lowercased().utf8)) ?? .init(start: nil, count: 0))
        case .cookie(let name):
            switch request.cookies(Array(name.utf8)) {
            case .none: return HashRing.hash("".utf8)
            case .one(let value), .several(first: let value): return HashRing.hash(value)
            }
        }
    }

    /// Whether an endpoint remains that has not failed the request.
    func hasEndpoint(besides tried: EndpointSet) -> Bool {
        states.indices.contains { !tried.contains($0) && !states[$0].isDrained }
    }

    /// Chooses an endpoint and starts an attempt. ``end(_:_:)`` must follow.
    /// - Parameter tried: the endpoints that failed this request.
    /// - Returns: nil when no endpoint is available.
    func begin(key: UInt64, tried: EndpointSet) -> UpstreamAttempt? {
        choose(key: key, tried: tried).map { UpstreamAttempt(endpoint: $0, started: loop.now) }
    }

    private func choose(key: UInt64, tried: EndpointSet) -> Int? {
        let now = loop.now
        if states.count == 1, !tried.contains(0) {
            guard !states[0].isDrained else { return nil }
            let isForced = (configuration.breaker?.maximumEjected ?? 0) < 100
            return (isForced || states[0].isHealthy) && states[0].begin(now, isForced: isForced) ? 0 : nil
        }
        var skipped = tried
        // An endpoint may become unavailable between the choice and the attempt, but hardly several times in a row.
        for _ in 0..<min(states.count, 4) {
            let (inUse, out) = states.reduce(into: (0, 0)) { counts, state in
                guard !state.isDrained else { return }
                counts.0 += 1
                if !state.canTry(now) { counts.1 += 1 }
            }
            let isPanic = out * 100 > (configuration.breaker?.maximumEjected ?? 50) * inUse
            let choice = balancer.choose(
                key: key, now: now, random: &loop.random, inFlight: { states[$0].inFlight },
                isAvailable: { index in
                    !skipped.contains(index) && !states[index].isDrained && (isPanic || states[index].canTry(now))
                })
            guard let choice else { return nil }
            if states[choice].begin(now, isForced: isPanic) { return choice }
            skipped.insert(choice)
        }
        return nil
    }

    /// Reports the outcome of an attempt to the breaker and the balancer, unless already reported.
    /// - Parameter hasAnswered: whether the response's head has just arrived.
    func report(_ attempt: inout UpstreamAttempt, _ outcome: EndpointState.Outcome, hasAnswered: Bool = false) {
        guard attempt.reported == nil else { return }
        attempt.reported = outcome
        let endpoint = attempt.endpoint
        states[endpoint].report(outcome, loop.now)
        guard hasAnswered, configuration.balance == .peakEWMA, states.count > 1 else { return }
        let now = loop.readClock()
        balancer.observe(endpoint, latency: (now - attempt.started).nanoseconds, now: now)
    }

    /// The endpoint has finished with the attempt.
    /// - Parameter outcome: reported unless one has been reported already.
    func end(_ attempt: UpstreamAttempt, _ outcome: EndpointState.Outcome) {
        var attempt = attempt
        let said = attempt.reported
        report(&attempt, outcome)
        // The head was good, but the body broke off.
        if said != nil, outcome == .truncated { states[attempt.endpoint].report(.truncated, loop.now) }
        attempts[attempt.endpoint].count(outcome == .truncated ? .truncated : said ?? outcome)
        states[attempt.endpoint].leave()
    }

    // MARK: retries

    func requestStarted() { budget.requestStarted() }

    /// Whether the retry budget allows another retry.
    func takeRetry() -> Bool {
        let isSent = budget.takeRetry() || retries.takeRetry(loop.now)
        retries.count(isSent: isSent)
        (isSent ? metrics.retriesSent : metrics.retriesRefused).increment()
        return isSent
    }

    func tick(_ now: NIODeadline) {
        for pool in pools { pool.tick(now) }
    }

    func closeIdle(_ endpoint: Endpoint) {
        for (state, pool) in zip(states, pools) where state.endpoint == endpoint { pool.closeIdle() }
    }

    func retire() {
        for pool in pools where !taken.contains(ObjectIdentifier(pool)) { pool.retire() }
    }

    func stop() {
        for pool in pools { pool.stop() }
    }
}
