import MartletSystem

/// A clock for elapsed time, which never goes back even if the machine's time is set. Use it for timeouts and expiry;
/// use ``WallClock`` for times that people read and databases store.
public struct MonotonicClock: Sendable {
    private let read: @Sendable () -> Duration

    public init(_ read: @escaping @Sendable () -> Duration) { self.read = read }

    /// The time since an arbitrary point in the past, which is fixed for the life of the process.
    public var now: Duration { read() }

    /// The machine's clock.
    public static let system = MonotonicClock {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
