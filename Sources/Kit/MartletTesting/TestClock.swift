public import MartletCore
import Synchronization

/// A clock that stands still until a test moves it.
public final class TestClock: Sendable {
    private struct State {
        var time: Timestamp
        var passed: Duration = .zero
    }

    private let state: Mutex<State>

    public init(_ start: Timestamp = Timestamp(microseconds: 1_800_000_000_000_000)) {
        state = Mutex(State(time: start))
    }

    /// Advances both clocks.
    public func advance(bySeconds seconds: Int64) {
        state.withLock {
            $0.time = $0.time.advanced(bySeconds: seconds)
            $0.passed += .seconds(seconds)
        }
    }

    /// Sets the time of day forward or back, as an administrator might. The monotonic clock does not advance.
    public func set(bySeconds seconds: Int64) {
        state.withLock { $0.time = $0.time.advanced(bySeconds: seconds) }
    }

    /// The clocks to pass to the code under test.
    public var wallClock: WallClock { WallClock { self.state.withLock { $0.time } } }
    public var monotonicClock: MonotonicClock { MonotonicClock { self.state.withLock { $0.passed } } }
}
