public import MartletCore
import Synchronization

/// A clock that stands still until a test moves it.
public final class TestClock: Sendable {
    private let current: Mutex<Timestamp>

    public init(_ start: Timestamp = Timestamp(microseconds: 1_800_000_000_000_000)) { current = Mutex(start) }

    public func advance(bySeconds seconds: Int64) {
        current.withLock { $0 = $0.advanced(bySeconds: seconds) }
    }

    /// What code under test is given.
    public var wallClock: WallClock { WallClock { self.current.withLock { $0 } } }
}
