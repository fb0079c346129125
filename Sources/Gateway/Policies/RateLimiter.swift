import Synchronization

/// Counts requests per client for one limit, across all event loops. Uses the generic cell rate algorithm (ITU-T
/// I.371), a token bucket that stores one number per client.
///
/// Memory is bounded. Beyond its capacity, new clients share buckets, so that a flood of them is limited as a whole and
/// no existing count is lost. Every limit has its own table, so that clients who choose the key of one limit cannot
/// evict clients from another.
final class RateLimiter: Sendable {
    /// The decision on a request.
    struct Decision: Equatable {
        let isAdmitted: Bool
        /// How many requests may follow at once.
        let remaining: Int
        /// Nanoseconds until a refused request would be admitted, or, after an admitted one, until the bucket is full.
        let wait: Int64
    }

    private struct Shard: ~Copyable {
        /// When each bucket is full again, in nanoseconds.
        var full: [UInt64: Int64] = [:]
        /// The shared buckets for new clients.
        var shared: [Int64] = []
        /// The earliest time of the next purge of full buckets. A purge is slow and blocks other requests.
        var nextPurge: Int64 = .min
        /// Buckets visited by purges.
        var purged = 0
    }

    private static let shardCount = 16
    private static let sharedCount = 64
    private static let purgeInterval: Int64 = 100_000_000
    private let shards: [Lock]
    private let capacity: Atomic<Int>

    private final class Lock: Sendable {
        let shard = Mutex(Shard())
    }

    /// - Parameter capacity: the number of clients counted separately.
    init(capacity: Int = 100_000) {
        self.capacity = Atomic(max(1, capacity / Self.shardCount))
        shards = (0..<Self.shardCount).map { _ in Lock() }
    }

    /// Changes the number of clients counted separately. Existing buckets stay until they are full.
    func setCapacity(_ capacity: Int) {
        self.capacity.store(max(1, capacity / Self.shardCount), ordering: .relaxed)
    }

    /// Counts a request.
    /// - Parameters:
    ///   - key: a hash of the client.
    ///   - interval: the nanoseconds in which the bucket gains one request.
    ///   - burst: the size of the bucket.
    ///   - now: the time of a monotonic clock, in nanoseconds.
    func admit(_ key: UInt64, interval: Int64, burst: Int64, now: Int64) -> Decision {
        let capacity = capacity.load(ordering: .relaxed)
        return shard(key).shard.withLock { shard in
            let stored = shard.full[key]
            if stored == nil, shard.full.count >= capacity {
                if now >= shard.nextPurge {
                    // A bucket that is full again holds no information.
                    shard.purged += shard.full.count
                    shard.full = shard.full.filter { $0.value > now }
                    shard.nextPurge = now + Self.purgeInterval
                }
                if shard.full.count >= capacity {
                    if shard.shared.isEmpty { shard.shared = Array(repeating: 0, count: Self.sharedCount) }
                    let slot = Self.slot(key)
                    let (decision, full) = Self.decide(shard.shared[slot], interval, burst, now)
                    shard.shared[slot] = full
                    return decision
                }
            }
            let (decision, full) = Self.decide(stored ?? now, interval, burst, now)
            shard.full[key] = full
            return decision
        }
    }

    /// Takes back a counted request.
    func refund(_ key: UInt64, interval: Int64) {
        shard(key).shard.withLock { shard in
            if let full = shard.full[key] {
                shard.full[key] = full - interval
            } else if !shard.shared.isEmpty {
                shard.shared[Self.slot(key)] -= interval
            }
        }
    }

    private func shard(_ key: UInt64) -> Lock { shards[Int(truncatingIfNeeded: key >> 60) & (Self.shardCount - 1)] }

    private static func slot(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key) & (sharedCount - 1) }

    /// How many buckets purges have visited.
    var purged: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.purged } } }

    /// The number of clients with a bucket of their own.
    var count: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.full.count } } }

    /// - Parameter full: when the bucket is full again.
    static func decide(_ full: Int64, _ interval: Int64, _ burst: Int64, _ now: Int64) -> (Decision, Int64) {
        let allowance = interval * burst
        // Debt from a formerly stricter limit is capped at this limit's.
        let start = min(max(full, now), now + allowance)
        let next = start + interval
        guard next - now <= allowance else {
            return (Decision(isAdmitted: false, remaining: 0, wait: next - now - allowance), start)
        }
        let remaining = (allowance - (next - now)) / interval
        return (Decision(isAdmitted: true, remaining: Int(remaining), wait: next - now), next)
    }
}
