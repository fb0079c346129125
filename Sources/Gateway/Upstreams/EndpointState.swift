import MartletCore
import NIOCore
import Synchronization

/// What all event loops know of an endpoint.
final class EndpointState: Sendable {
    let endpoint: Endpoint
    let weight: Int
    private let underWay = Atomic<Int>(0)
    private let isWell = Atomic(true)
    private let drained = Atomic(false)
    /// Whether the breaker's lock need not be taken: nothing has failed.
    private let isUntroubled = Atomic(true)
    /// Nil when the endpoint is always tried.
    private let breaker: Mutex<CircuitBreaker?>

    init(_ endpoint: Endpoint, weight: Int, breaker: GatewayConfiguration.Breaker?) {
        self.endpoint = endpoint
        self.weight = max(1, weight)
        self.breaker = Mutex(breaker.map { CircuitBreaker($0) })
    }

    /// Requests whose answers are not over, on all loops.
    var inFlight: Int { underWay.load(ordering: .relaxed) }

    /// What the health checks say.
    var isHealthy: Bool {
        get { isWell.load(ordering: .relaxed) }
        set { isWell.store(newValue, ordering: .relaxed) }
    }

    /// Whether new requests are kept from it, as somebody has asked for.
    var isDrained: Bool {
        get { drained.load(ordering: .relaxed) }
        set { drained.store(newValue, ordering: .relaxed) }
    }

    func canTry(_ now: NIODeadline) -> Bool {
        guard isHealthy else { return false }
        if isUntroubled.load(ordering: .relaxed) { return true }
        return breaker.withLock { $0?.canTry(now) ?? true }
    }

    /// - Parameter isForced: whether the breaker is not asked.
    /// - Returns: whether the request may be sent; ``report(_:_:)`` and ``leave()`` must follow then.
    func begin(_ now: NIODeadline, isForced: Bool) -> Bool {
        if !isForced, !isUntroubled.load(ordering: .relaxed), breaker.withLock({ $0?.begin(now) }) == false {
            return false
        }
        underWay.add(1, ordering: .relaxed)
        return true
    }

    enum Outcome {
        case succeeded, failed, abandoned
        /// The answer began well and broke off.
        case truncated
    }

    /// The endpoint has nothing more to do for a request.
    func leave() { underWay.subtract(1, ordering: .relaxed) }

    /// What became of a request.
    func report(_ outcome: Outcome, _ now: NIODeadline) {
        guard outcome == .failed || outcome == .truncated || !isUntroubled.load(ordering: .relaxed) else { return }
        breaker.withLock { breaker in
            switch outcome {
            case .succeeded: breaker?.succeeded()
            case .failed, .truncated: breaker?.failed(now)
            case .abandoned: breaker?.abandoned(now)
            }
            let state = breaker?.state ?? .closed(failures: 0)
            isUntroubled.store(state == .closed(failures: 0), ordering: .relaxed)
        }
    }

    /// `closed`, `open` or `half_open`.
    var breakerState: String {
        switch breaker.withLock({ $0?.state }) {
        case nil, .closed: "closed"
        case .open: "open"
        case .halfOpen: "half_open"
        }
    }
}
