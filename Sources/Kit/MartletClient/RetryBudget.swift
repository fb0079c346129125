import MartletCore
import Synchronization

/// Limits retries to a fraction of the calls, so that they do not overload a failing service, and allows a few whatever the
/// traffic: a fraction of little traffic is none.
final class RetryBudget: Sendable {
    /// The number of calls that earn a retry.
    static let price = 10
    /// The number of calls that are saved up.
    static let maximum = 100
    /// The retries that are allowed in ``period`` without any savings.
    static let reserve = 10.0
    static let period = Duration.seconds(10)

    private struct State {
        var calls = 0
        var reserve = RetryBudget.reserve
        var filled: Duration
    }

    private let clock: MonotonicClock
    private let state: Mutex<State>

    init(clock: MonotonicClock = .system) {
        self.clock = clock
        state = Mutex(State(filled: clock.now))
    }

    func callStarted() {
        state.withLock { $0.calls = min(Self.maximum, $0.calls + 1) }
    }

    /// - Returns: whether a retry is allowed, which is then counted.
    func takeRetry() -> Bool {
        let now = clock.now
        return state.withLock { state in
            if state.calls >= Self.price {
                state.calls -= Self.price
                return true
            }
            state.reserve = min(Self.reserve, state.reserve + Self.reserve * ((now - state.filled) / Self.period))
            state.filled = now
            guard state.reserve >= 1 else { return false }
            state.reserve -= 1
            return true
        }
    }
}
