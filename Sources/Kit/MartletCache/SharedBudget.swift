/// Bounds the bytes that a process adds to Redis, which keeps each for one lifetime. Pure.
struct SharedBudget {
    private let limit: Int
    private let lifetime: Duration
    private var start = Duration.zero
    private var current = 0
    private var previous = 0

    init(limit: Int, lifetime: Duration) {
        self.limit = limit
        self.lifetime = max(lifetime, .milliseconds(1))
    }

    /// Whether there is room for a value of unknown size.
    mutating func hasRoom(at now: Duration) -> Bool {
        advance(to: now)
        return current + previous < limit
    }

    /// - Returns: whether the value may be added.
    mutating func admit(_ bytes: Int, at now: Duration) -> Bool {
        advance(to: now)
        guard bytes <= limit - current - previous else { return false }
        current += bytes
        return true
    }

    private mutating func advance(to now: Duration) {
        let passed = now - start
        guard passed >= lifetime else { return }
        previous = passed < lifetime * 2 ? current : 0
        current = 0
        start = now
    }
}
