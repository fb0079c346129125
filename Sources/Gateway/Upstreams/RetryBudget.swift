import NIOCore
import Synchronization

/// Keeps retries to a part of the requests, so that they do not bury an upstream that is in trouble already. Pure; one for
/// each event loop.
struct RetryBudget {
    /// Retries that one request is good for.
    private static let share = 0.08
    private static let maximum = 10.0
    private var balance = 0.0

    mutating func requestStarted() { balance = min(Self.maximum, balance + Self.share) }

    mutating func takeRetry() -> Bool {
        guard balance >= 1 else { return false }
        balance -= 1
        return true
    }
}

/// Retries that there are whatever the number of requests: where there is little traffic, a part of it is none. Pure.
struct RetryFloor {
    private static let maximum = 10.0
    private static let period = TimeAmount.seconds(10)
    private var balance = maximum
    private var filled: NIODeadline?

    mutating func takeRetry(_ now: NIODeadline) -> Bool {
        let passed = max(0, (now - (filled ?? now)).nanoseconds)
        filled = max(now, filled ?? now)
        balance = min(Self.maximum, balance + Self.maximum * Double(passed) / Double(Self.period.nanoseconds))
        guard balance >= 1 else { return false }
        balance -= 1
        return true
    }
}

/// What all event loops have in common of an upstream's retries.
final class UpstreamRetries: Sendable {
    private let floor = Mutex(RetryFloor())
    private let sentCount = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)

    /// Asked when a loop's own budget is used up.
    func takeRetry(_ now: NIODeadline) -> Bool { floor.withLock { $0.takeRetry(now) } }

    func count(isSent: Bool) {
        if isSent { sentCount.add(1, ordering: .relaxed) } else { refusedCount.add(1, ordering: .relaxed) }
    }

    /// For whoever administers the gateway.
    var sent: Int { sentCount.load(ordering: .relaxed) }
    var refused: Int { refusedCount.load(ordering: .relaxed) }
}
