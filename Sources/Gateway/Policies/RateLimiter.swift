import Synchronization

/// Counts who came how often by one limit, for all event loops: the generic cell rate algorithm (ITU-T I.371), a token
/// bucket that keeps one number for each client.
///
/// Its memory is bounded. When more clients come than it can tell apart, the newcomers share buckets with each other, so
/// that a crowd is limited as a crowd and nobody's count is forgotten. Every limit has a table of its own: who can choose
/// what a limit goes by pushes nobody out of another.
final class RateLimiter: Sendable {
    /// What a limit has decided.
    struct Decision: Equatable {
        let isAdmitted: Bool
        /// Requests that may follow at once.
        let remaining: Int
        /// Nanoseconds until a refused request would be admitted, or until the bucket is full.
        let wait: Int64
    }

    private struct Shard: ~Copyable {
        /// When each bucket is full again, in nanoseconds.
        var full: [UInt64: Int64] = [:]
        /// The buckets that newcomers share.
        var shared: [Int64] = []
        /// Before that, buckets that are full again are not looked for once more: it takes long, and others wait.
        var nextPurge: Int64 = .min
        /// Buckets that were looked at to make room.
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

    /// - Parameter capacity: how many clients are told apart.
    init(capacity: Int = 100_000) {
        self.capacity = Atomic(max(1, capacity / Self.shardCount))
        shards = (0..<Self.shardCount).map { _ in Lock() }
    }

    /// Tells more clients apart, or fewer: those that are remembered stay until their buckets are full.
    func setCapacity(_ capacity: Int) {
        self.capacity.store(max(1, capacity / Self.shardCount), ordering: .relaxed)
    }

    /// Counts a request.
    /// - Parameters:
    ///   - key: a hash of the client.
    ///   - interval: nanoseconds after which one more request is admitted.
    ///   - burst: how many requests may come at once.
    ///   - now: nanoseconds of a clock that never goes back.
    func admit(_ key: UInt64, interval: Int64, burst: Int64, now: Int64) -> Decision {
        let capacity = capacity.load(ordering: .relaxed)
        return shard(key).shard.withLock { shard in
            let stored = shard.full[key]
            if stored == nil, shard.full.count >= capacity {
                if now >= shard.nextPurge {
                    // What is full again says no more than what is not there.
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

    /// Takes back a request that has been counted.
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

    /// How many buckets have been looked at to make room for others.
    var purged: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.purged } } }

    /// How many clients are remembered.
    var count: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.full.count } } }

    /// - Parameter full: when the bucket is full again.
    static func decide(_ full: Int64, _ interval: Int64, _ burst: Int64, _ now: Int64) -> (Decision, Int64) {
        let allowance = interval * burst
        // A debt of a limit that was stricter before is no more than this one's.
        let start = min(max(full, now), now + allowance)
        let next = start + interval
        guard next - now <= allowance else {
            return (Decision(isAdmitted: false, remaining: 0, wait: next - now - allowance), start)
        }
        let remaining = (allowance - (next - now)) / interval
        return (Decision(isAdmitted: true, remaining: Int(remaining), wait: next - now), next)
    }
}
