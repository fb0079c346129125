import NIOCore
import Synchronization

/// Counts who came how often, for all event loops: the generic cell rate algorithm (ITU-T I.371), a token bucket that
/// keeps one number for each client.
///
/// Its memory is bounded. When more clients come than it can tell apart, the newcomers share buckets with each other,
/// so that a crowd is limited as a crowd and nobody's count is forgotten.
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
        var shared: [Int64]
    }

    private static let shardCount = 16
    private let shards: [Lock]
    private let capacity: Int

    private final class Lock: Sendable {
        let shard: Mutex<Shard>
        init(shared: Int) { shard = Mutex(Shard(shared: Array(repeating: 0, count: shared))) }
    }

    /// - Parameter capacity: how many clients are told apart.
    init(capacity: Int = 100_000) {
        self.capacity = max(1, capacity / Self.shardCount)
        shards = (0..<Self.shardCount).map { _ in Lock(shared: 64) }
    }

    /// - Parameters:
    ///   - key: a hash of the limit and the client.
    ///   - interval: nanoseconds after which one more request is admitted.
    ///   - burst: how many requests may come at once.
    ///   - now: nanoseconds of a clock that never goes back.
    func admit(_ key: UInt64, interval: Int64, burst: Int64, now: Int64) -> Decision {
        shards[Int(truncatingIfNeeded: key >> 60) & (Self.shardCount - 1)].shard.withLock { shard in
            var stored = shard.full[key]
            if stored == nil, shard.full.count >= capacity {
                // What is full again says no more than what is not there.
                shard.full = shard.full.filter { $0.value > now }
                if shard.full.count >= capacity {
                    let slot = Int(truncatingIfNeeded: key & 63)
                    let (decision, full) = Self.decide(shard.shared[slot], interval, burst, now)
                    shard.shared[slot] = full
                    return decision
                }
            }
            stored = stored ?? now
            let (decision, full) = Self.decide(stored ?? now, interval, burst, now)
            shard.full[key] = full
            return decision
        }
    }

    /// How many clients are remembered.
    var count: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.full.count } } }

    /// - Parameter full: when the bucket is full again.
    static func decide(_ full: Int64, _ interval: Int64, _ burst: Int64, _ now: Int64) -> (Decision, Int64) {
        let start = max(full, now)
        let next = start + interval
        let allowance = interval * burst
        guard next - now <= allowance else {
            return (Decision(isAdmitted: false, remaining: 0, wait: next - now - allowance), start)
        }
        let remaining = (allowance - (next - now)) / interval
        return (Decision(isAdmitted: true, remaining: Int(remaining), wait: next - now), next)
    }
}

/// A ``GatewayConfiguration/RateLimit`` that is ready to be asked.
struct RateLimitPolicy: Sendable {
    private let key: GatewayConfiguration.RateLimit.Key
    private let headerName: [UInt8]
    private let id: Int
    private let interval: Int64
    private let burst: Int64
    private let seconds: Int
    private let limiter: RateLimiter

    /// - Parameter id: tells the limits of a configuration apart; the same limit keeps it when the configuration is
    ///   read again.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ limit: GatewayConfiguration.RateLimit, id: Int, limiter: RateLimiter) throws(GatewayError) {
        guard limit.requests > 0, limit.requests <= 1_000_000_000, limit.period >= .milliseconds(1),
            limit.period <= .hours(24 * 31), limit.period.nanoseconds >= Int64(limit.requests)
        else { throw .invalidConfiguration("rate_limit: there are 1 to 10⁹ requests in 1 ms to 31 days") }
        key = limit.key
        headerName = if case .header(let name) = limit.key { Array(name.lowercased().utf8) } else { [] }
        self.id = id
        interval = limit.period.nanoseconds / Int64(limit.requests)
        burst = Int64(limit.requests)
        seconds = Int(max(1, limit.period.nanoseconds / 1_000_000_000))
        self.limiter = limiter
    }

    /// - Parameter client: the client's address.
    func check(_ request: RequestView, client: IPAddress?, identity: Identity?, now: NIODeadline)
        -> RateLimiter.Decision
    {
        var hasher = Hasher()
        hasher.combine(id)
        switch key {
        case .route: break
        case .client: hasher.combine(client?.network)
        case .user:
            if let identity { hasher.combine(identity.subject) } else { hasher.combine(client?.network) }
        case .header:
            if let value = request.header(headerName) { hasher.combine(bytes: value) }
        }
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        return limiter.admit(
            hash, interval: interval, burst: burst, now: Int64(clamping: now.uptimeNanoseconds))
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
    func lines(_ decision: RateLimiter.Decision) -> [UInt8] {
        let reset = (max(0, decision.wait) + 999_999_999) / 1_000_000_000
        return Array(
            """
            RateLimit-Policy: "\(name)";q=\(burst);w=\(seconds)\r
            RateLimit: "\(name)";r=\(decision.remaining);t=\(reset)\r

            """.utf8)
    }

    private var name: String {
        switch key {
        case .client: "client"
        case .user: "user"
        case .route: "route"
        case .header: "header"
        }
    }
}
