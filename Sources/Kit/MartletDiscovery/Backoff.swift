/// Waits that double from try to try, with a random part, so that many who lost the same registry do not come back to
/// it all at once.
struct Backoff: Sendable {
    private let first: Duration
    private let last: Duration
    private var next: Duration

    init(from first: Duration = .milliseconds(250), to last: Duration = .seconds(15)) {
        self.first = first
        self.last = last
        next = first
    }

    /// The wait before the next try: between half of its length and the whole.
    mutating func wait() -> Duration {
        let length = next
        next = min(last, next * 2)
        return length / 2 + length / 2 * Double.random(in: 0...1)
    }

    mutating func reset() { next = first }
}
