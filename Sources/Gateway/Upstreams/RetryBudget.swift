import NIOCore
import Synchronization

/// Limits retries to a fraction of the requests, so that they do not overload a failing upstream. One per event loop.
struct RetryBudget {
    /// The retries that each request earns.
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

/// Allows a few retries whatever the traffic: a fraction of little traffic is none.
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

/// The retry state of an upstream that all event loops share.
final class UpstreamRetries: Sendable {
    private let floor = Mutex(RetryFloor())
    private let sentCount = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)

    /// Called when a loop's own budget is used up.
    func takeRetry(_ now: NIODeadline) -> Bool { floor.withLock { $0.takeRetry(now) } }

    func count(isSent: Bool) {
        if isSent { sentCount.add(1, ordering: .relaxed) } else { refusedCount.add(1, ordering: .relaxed) }
    }

    /// Counts for the administration.
    var sent: Int { sentCount.load(ordering: .relaxed) }
    var refused: Int { refusedCount.load(ordering: .relaxed) }
}
