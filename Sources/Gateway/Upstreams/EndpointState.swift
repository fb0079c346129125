import MartletCore
import NIOCore
import Synchronization

/// The state of an endpoint, shared by all event loops.
final class EndpointState: Sendable {
    let endpoint: Endpoint
    let weight: Int
    private let underWay = Atomic<Int>(0)
    private let healthy = Atomic(true)
    private let drained = Atomic(false)
    /// Whether nothing has failed, so that the breaker's lock is not needed.
    private let isFailureFree = Atomic(true)
    /// Nil without a breaker.
    private let breaker: Mutex<CircuitBreaker?>

    init(_ endpoint: Endpoint, weight: Int, breaker: GatewayConfiguration.Breaker?) {
        self.endpoint = endpoint
        self.weight = max(1, weight)
        self.breaker = Mutex(breaker.map { CircuitBreaker($0) })
    }

    /// Requests whose responses are not complete, on all loops.
    var inFlight: Int { underWay.load(ordering: .relaxed) }

    /// The result of the health checks.
    var isHealthy: Bool {
        get { healthy.load(ordering: .relaxed) }
        set { healthy.store(newValue, ordering: .relaxed) }
    }

    /// Whether an administrator has drained the endpoint, so that it gets no new requests.
    var isDrained: Bool {
        get { drained.load(ordering: .relaxed) }
        set { drained.store(newValue, ordering: .relaxed) }
    }

    func canTry(_ now: NIODeadline) -> Bool {
        guard isHealthy else { return false }
        if isFailureFree.load(ordering: .relaxed) { return true }
        return breaker.withLock { $0?.canTry(now) ?? true }
    }

    /// - Parameter isForced: whether to ignore the breaker.
    /// - Returns: whether the request may be sent. If so, ``report(_:_:)`` and ``leave()`` must follow.
    func begin(_ now: NIODeadline, isForced: Bool) -> Bool {
        if !isForced, !isFailureFree.load(ordering: .relaxed), breaker.withLock({ $0?.begin(now) }) == false {
            return false
        }
        underWay.add(1, ordering: .relaxed)
        return true
    }

    enum Outcome {
        case succeeded, failed, abandoned
        /// The response started well and broke off.
        case truncated
    }

    /// The endpoint has finished with a request.
    func leave() { underWay.subtract(1, ordering: .relaxed) }

    /// Reports the outcome of a request.
    func report(_ outcome: Outcome, _ now: NIODeadline) {
        guard outcome == .failed || outcome == .truncated || !isFailureFree.load(ordering: .relaxed) else { return }
        breaker.withLock { breaker in
            switch outcome {
            case .succeeded: breaker?.succeeded()
            case .failed, .truncated: breaker?.failed(now)
            case .abandoned: breaker?.abandoned(now)
            }
            let state = breaker?.state ?? .closed(failures: 0)
            isFailureFree.store(state == .closed(failures: 0), ordering: .relaxed)
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
