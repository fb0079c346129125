import MartletSystem

/// Where code asks how much time has passed: a clock that never goes back, whoever sets the machine's time. What ends
/// after a while is measured with it; ``WallClock`` is for moments that people read and databases keep.
public struct MonotonicClock: Sendable {
    private let read: @Sendable () -> Duration

    public init(_ read: @escaping @Sendable () -> Duration) { self.read = read }

    /// The time since some moment in the past, the same one for the life of the process.
    public var now: Duration { read() }

    /// The machine's clock.
    public static let system = MonotonicClock {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
