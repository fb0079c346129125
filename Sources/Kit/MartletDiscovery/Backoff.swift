/// Exponential backoff with jitter, so that many clients that lost the same registry do not reconnect at the same time.
struct Backoff: Sendable {
    private let first: Duration
    private let last: Duration
    private var next: Duration

    init(from first: Duration = .milliseconds(250), to last: Duration = .seconds(15)) {
        self.first = first
        self.last = last
        next = first
    }

    /// The delay before the next attempt: between half of the current delay and all of it.
    mutating func wait() -> Duration {
        let length = next
        next = min(last, next * 2)
        return length / 2 + length / 2 * Double.random(in: 0...1)
    }

    mutating func reset() { next = first }
}
