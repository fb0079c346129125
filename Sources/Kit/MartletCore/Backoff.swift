/// Exponential backoff: the wait doubles with every failure in a row, up to a bound.
public struct Backoff: Sendable, Equatable {
    /// The wait after the first failure.
    public let initial: Duration
    public let maximum: Duration
    private var failures = 0

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The wait after a number of failures in a row; ``initial`` after none.
    public func wait(after failures: Int) -> Duration {
        // Twenty doublings, about a million times the first wait, cannot overflow.
        min(maximum, initial * (1 << min(max(failures, 1) - 1, 20)))
    }

    /// The same with equal jitter: half of it for certain and half at random, so that those who failed together do not
    /// come back together.
    public func jitteredWait(after failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let half = wait(after: failures) / 2
        return half + half * Double.random(in: 0...1, using: &generator)
    }

    /// Counts a failure.
    /// - Returns: how long to wait before the next try, with jitter.
    public mutating func next() -> Duration {
        failures = min(failures + 1, 1_000_000)
        var generator = SystemRandomNumberGenerator()
        return jitteredWait(after: failures, using: &generator)
    }

    /// Something worked: the next failure is the first again.
    public mutating func reset() { failures = 0 }
}
