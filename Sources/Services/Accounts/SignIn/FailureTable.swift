import MartletCore
/// Counts failures by key and computes the wait before the next attempt: a few attempts are free, then each wait is
/// twice the previous one. Bounded: when it is full, keys with the fewest failures are evicted first, so that made-up
/// keys evict each other.
struct FailureTable<Key: Hashable & Sendable> {
    struct Limits: Sendable {
        /// The number of failures without a wait.
        let freeTries: Int
        let longestWait: Duration
        /// How long failures are remembered after the last one. Longer than the longest wait.
        let memory: Duration
        let capacity: Int
    }

    private struct Failures {
        var count = 0
        var last: Duration
    }

    private let limits: Limits
    private var failures: [Key: Failures] = [:]

    init(_ limits: Limits) { self.limits = limits }

    var count: Int { failures.count }

    /// The number of remembered failures.
    func count(of key: Key, at now: Duration) -> Int { current(key, now)?.count ?? 0 }

    /// How long an attempt must wait; zero when it is allowed now.
    /// - Parameter freeTries: a lower number than usual, for untrusted sources.
    func wait(for key: Key, at now: Duration, freeTries: Int? = nil) -> Duration {
        guard let entry = current(key, now) else { return .zero }
        let free = freeTries ?? limits.freeTries
        guard entry.count >= free else { return .zero }
        let wait = Backoff(initial: .seconds(1), maximum: limits.longestWait).wait(after: entry.count - free + 1)
        return max(.zero, entry.last + wait - now)
    }

    /// A counted attempt.
    struct Try: Sendable {
        let key: Key
        fileprivate let time: Duration
        fileprivate let previous: Duration?
    }

    /// Counts an attempt as failed.
    mutating func add(_ key: Key, at now: Duration) -> Try {
        let entry = current(key, now)
        if failures[key] == nil, failures.count >= limits.capacity { makeRoom(now) }
        failures[key] = Failures(count: (entry?.count ?? 0) + 1, last: now)
        return Try(key: key, time: now, previous: entry?.last)
    }

    /// Removes an attempt that has not failed. Waits then count from the previous attempt.
    mutating func withdraw(_ attempt: Try) {
        guard var entry = failures[attempt.key] else { return }
        entry.count -= 1
        if entry.last == attempt.time, let previous = attempt.previous { entry.last = previous }
        failures[attempt.key] = entry.count > 0 ? entry : nil
    }

    mutating func forget(_ key: Key) { failures[key] = nil }

    private func current(_ key: Key, _ now: Duration) -> Failures? {
        failures[key].flatMap { now < $0.last + limits.memory ? $0 : nil }
    }

    /// Frees a quarter of the table, so that the cost of sorting is amortized.
    private mutating func makeRoom(_ now: Duration) {
        failures = failures.filter { now < $0.value.last + limits.memory }
        let kept = limits.capacity / 4 * 3
        guard failures.count > kept else { return }
        let ranked = failures.sorted { ($0.value.count, $0.value.last) > ($1.value.count, $1.value.last) }
        failures = Dictionary(uniqueKeysWithValues: ranked.prefix(kept).map { ($0.key, $0.value) })
    }
}
