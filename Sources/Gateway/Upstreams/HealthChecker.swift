import Logging
import MartletCore
import NIOCore
import Synchronization

/// Runs the ``GatewayConfiguration/HealthCheck`` of each upstream.
struct HealthChecker: Sendable {
    /// The recent health of an endpoint. Performs no I/O.
    struct Record: Sendable {
        private(set) var isHealthy = true
        private var streak = 0

        /// - Returns: whether the endpoint's health has changed.
        mutating func observe(_ isGood: Bool, _ check: GatewayConfiguration.HealthCheck) -> Bool {
            guard isGood != isHealthy else {
                streak = 0
                return false
            }
            streak += 1
            guard streak >= (isGood ? check.healthyThreshold : check.unhealthyThreshold) else { return false }
            isHealthy = isGood
            streak = 0
            return true
        }
    }

    private struct Watched {
        /// Retained, since it is identified by its address.
        let state: EndpointState
        var record = Record()
        var due = ContinuousClock.now
        var isBusy = false
    }

    private let logger: Logger
    private let watched = Shared()

    init(logger: Logger) { self.logger = logger }

    /// Runs until its task is cancelled.
    /// - Parameter upstreams: returns the upstreams in force; called before each round.
    func run(_ upstreams: @escaping @Sendable () -> [GatewaySettings.CompiledUpstream]) async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let upstreams = upstreams()
                watched.keep(upstreams)
                for upstream in upstreams {
                    guard let check = upstream.configuration.health else { continue }
                    for state in upstream.states where watched.begin(state, check) {
                        group.addTask { await ask(state, check, upstream) }
                    }
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func ask(
        _ state: EndpointState, _ check: GatewayConfiguration.HealthCheck, _ upstream: GatewaySettings.CompiledUpstream
    ) async {
        let request = HealthProbe.request(check, of: upstream.configuration, at: state.endpoint)
        let answer = await HealthProbe.ask(request, at: state.endpoint, tls: upstream.tls, within: check.timeout)
        if Task.isCancelled { return watched.abandon(state) }
        let isGood = answer.isGood(check)
        guard watched.end(state, isGood, check) else { return }
        state.isHealthy = isGood
        logger.log(
            level: isGood ? .info : .warning, isGood ? "endpoint is healthy again" : "endpoint is unhealthy",
            metadata: [
                "upstream": "\(upstream.configuration.name)", "endpoint": "\(state.endpoint)", "path": "\(check.path)",
                "answer": "\(answer.text)",
            ])
    }

    private final class Shared: Sendable {
        private let states = Mutex<[ObjectIdentifier: Watched]>([:])

        /// Forgets endpoints that are gone or no longer checked, and marks the latter healthy, as nothing else would.
        func keep(_ upstreams: [GatewaySettings.CompiledUpstream]) {
            states.withLock { states in
                guard !states.isEmpty else { return }
                let asked = upstreams.filter { $0.configuration.health != nil }
                let kept = Set(asked.flatMap { $0.states.map(ObjectIdentifier.init) })
                for (id, watched) in states where !kept.contains(id) {
                    watched.state.isHealthy = true
                    states[id] = nil
                }
            }
        }

        /// Whether to check an endpoint now.
        func begin(_ state: EndpointState, _ check: GatewayConfiguration.HealthCheck) -> Bool {
            states.withLock { states in
                var watched = states[ObjectIdentifier(state)] ?? Watched(state: state)
                guard !watched.isBusy, watched.due <= .now else { return false }
                watched.isBusy = true
                // A jitter of a tenth, so that gateways do not check in step.
                let jitter = Double.random(in: 0.9...1.1)
                watched.due = .now + .nanoseconds(Int64(Double(check.interval.nanoseconds) * jitter))
                states[ObjectIdentifier(state)] = watched
                return true
            }
        }

        func end(_ state: EndpointState, _ isGood: Bool, _ check: GatewayConfiguration.HealthCheck) -> Bool {
            states.withLock { states in
                guard var watched = states[ObjectIdentifier(state)] else { return false }
                watched.isBusy = false
                let changes = watched.record.observe(isGood, check)
                states[ObjectIdentifier(state)] = watched
                return changes
            }
        }

        func abandon(_ state: EndpointState) {
            states.withLock { $0[ObjectIdentifier(state)]?.isBusy = false }
        }
    }
}
