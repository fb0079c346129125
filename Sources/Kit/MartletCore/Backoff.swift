/// Exponential backoff: the wait doubles with each consecutive failure, up to a maximum.
public struct Backoff: Sendable, Equatable {
    /// The wait after the first failure.
    public let initial: Duration
    public let maximum: Duration
    private var failures = 0

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The wait after a number of consecutive failures, without jitter; ``initial`` for 0.
    public func wait(after failures: Int) -> Duration {
        // Twenty doublings, about a million times the initial wait, cannot overflow.
        min(maximum, initial * (1 << min(max(failures, 1) - 1, 20)))
    }

    /// The wait with equal jitter: a random time between half of ``wait(after:)`` and all of it, so that clients that
    /// failed together do not retry together.
    public func jitteredWait(after failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let half = wait(after: failures) / 2
        return half + half * Double.random(in: 0..<1, using: &generator)
    }

    /// Counts a failure.
    /// - Returns: the wait before the next attempt, with jitter.
    public mutating func next() -> Duration {
        failures = min(failures + 1, 1_000_000)
        var generator = SystemRandomNumberGenerator()
        return jitteredWait(after: failures, using: &generator)
    }

    /// Resets the count after a success.
    public mutating func reset() { failures = 0 }
}
