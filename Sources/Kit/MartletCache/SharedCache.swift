import MartletCore
import MartletRedis
import MartletTelemetry
import NIOCore
import Synchronization

/// The values of one cache in Redis, shared by the processes of a service.
///
/// A process whose invalidation has not reached Redis forgets the whole cache there before it reads from it again.
final class SharedCache: Sendable {
    /// The right to compute a value for all processes.
    struct Lease: Sendable {
        fileprivate let tag: [UInt8]
        fileprivate let token: String
    }

    enum Lookup: Sendable {
        /// - Parameters:
        ///   - computedAt: when the computation began, by this process's clock.
        ///   - confirmedAt: a moment at which the value had not been forgotten.
        case found([UInt8], computedAt: Duration, confirmedAt: Duration)
        /// There is no value, or a stale one. This process computes the next one.
        case leased(Lease)
        /// As with `leased`, but another process computes it.
        case busy
        /// There is no value, and this process has added as many to Redis as it may.
        case absent
        case unavailable
    }

    private struct State {
        /// Whether Redis may hold values that were forgotten here.
        var mustReset = false
        /// The number of invalidations that have failed.
        var failures = 0
        var budget: SharedBudget
    }

    /// The length of a random token, and so of a generation.
    private static let tokenLength = 16
    /// The length of the lifetime before each value.
    private static let headerLength = 4

    private let redis: CacheRedis
    private let prefix: String
    private let policy: CachePolicy
    private let clock: MonotonicClock
    private let failureCounter: Counter
    private let state: Mutex<State>

    /// - Parameter name: the names of the service and the cache, and the version of the values' format.
    init(
        _ redis: CacheRedis, name: String, policy: CachePolicy, clock: MonotonicClock, failureCounter: Counter
    ) {
        self.redis = redis
        prefix = "martlet:cache:\(name):"
        self.policy = policy
        self.clock = clock
        self.failureCounter = failureCounter
        state = Mutex(State(budget: SharedBudget(limit: policy.maximumBytes, lifetime: policy.lifetime)))
    }

    // MARK: keys

    private var generationKey: RedisArgument { .text(prefix + "generation") }
    private func generationKey(of group: String) -> RedisArgument { .text(prefix + "generation:" + group) }
    private func valueKey(_ key: CacheKey) -> RedisArgument { .text(prefix + "value:" + key.text) }
    private func leaseKey(_ key: CacheKey) -> RedisArgument { .text(prefix + "lease:" + key.text) }

    private func keys(_ key: CacheKey) -> [RedisArgument] {
        [valueKey(key), leaseKey(key), generationKey] + (key.group.map { [generationKey(of: $0)] } ?? [])
    }

    // MARK: values

    /// Looks for a value.
    /// - Parameter isRefresh: whether a stale value is to be computed again.
    func open(_ key: CacheKey, isRefresh: Bool) async -> Lookup {
        let now = clock.now
        let (mustReset, failures, hasRoom) = state.withLock { state in
            (state.mustReset, state.failures, state.budget.hasRoom(at: now))
        }
        let token = SecureRandom.text(bytes: Self.tokenLength / 4 * 3)
        // One connection: Redis executes the second command after the first one.
        let reset = mustReset ? redis.submit(["DEL", generationKey]) : nil
        let reply = redis.submit(
            script(SharedScripts.open, key) + [
                .text(token), .integer(hasRoom ? policy.lease.milliseconds : 0),
                .integer((policy.lifetime + policy.lease).milliseconds + 1000),
                .integer(isRefresh ? policy.stale.milliseconds : 0),
            ])
        do {
            _ = try await reset?.get()
            let value = try await reply.get()
            let isCurrent = state.withLock { state in
                guard state.failures == failures else { return false }
                state.mustReset = false
                return true
            }
            redis.record(nil)
            // An invalidation has failed meanwhile: the reply may be older than that.
            guard isCurrent else { return .unavailable }
            return lookup(value, key, token: token, sentAt: now)
        } catch {
            failed(error)
            return .unavailable
        }
    }

    private func lookup(_ reply: RedisValue, _ key: CacheKey, token: String, sentAt now: Duration) -> Lookup {
        guard let parts = reply.array, parts.count == 4, let left = parts[1].integer, let state = parts[2].integer,
            case .bytes(let tag) = parts[3], tag.count == Self.tokenLength * (key.group == nil ? 1 : 2)
        else {
            failureCounter.increment()
            return .unavailable
        }
        if state == 1 { return .leased(Lease(tag: tag, token: token)) }
        if state == 2 { return .busy }
        guard case .bytes(let stored) = parts[0] else { return .absent }
        let body = stored.dropFirst(tag.count)
        guard body.count >= Self.headerLength else { return .absent }
        let lifetime = body.prefix(Self.headerLength).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        // The age by Redis's clock alone. The reply is later than `now`, so the value seems older, never younger.
        let age = Duration.milliseconds(max(0, lifetime - max(0, left)))
        return .found(Array(body.dropFirst(Self.headerLength)), computedAt: now - age, confirmedAt: now)
    }

    /// Stores a computed value for all processes, unless it was forgotten since the lease was granted. Does not wait.
    func store(_ value: [UInt8], for key: CacheKey, _ lease: Lease, computedAt: Duration) {
        let now = clock.now
        let left = (policy.lifetime - (now - computedAt)).milliseconds
        let isAdmitted = state.withLock { state in
            left > 0 && !state.mustReset && state.budget.admit(value.count + 2 * key.byteCount, at: now)
        }
        guard isAdmitted else { return release(lease, of: key) }
        let lifetime = UInt32(clamping: policy.lifetime.milliseconds)
        let header = stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: lifetime >> UInt32($0)) }
        submit(
            script(SharedScripts.store, key) + [
                .bytes(lease.tag), .text(lease.token), .bytes(header + value), .integer(left),
            ])
    }

    /// Lets another process compute the value. Does not wait.
    func release(_ lease: Lease, of key: CacheKey) {
        submit(script(SharedScripts.release, key) + [.bytes(lease.tag), .text(lease.token)])
    }

    // MARK: invalidation

    func forget(_ key: CacheKey) { invalidate([valueKey(key), leaseKey(key)]) }

    func forget(group: String) { invalidate([generationKey(of: group)]) }

    func forgetAll() { invalidate([generationKey]) }

    private func invalidate(_ keys: [RedisArgument]) {
        redis.submit(["DEL"] + keys).whenFailure { error in
            self.state.withLock { state in
                state.mustReset = true
                state.failures += 1
            }
            self.failed(error)
        }
    }

    // MARK: commands

    private func script(_ text: String, _ key: CacheKey) -> [RedisArgument] {
        let keys = keys(key)
        return ["EVAL", .text(text), .integer(keys.count)] + keys
    }

    private func submit(_ command: [RedisArgument]) {
        redis.submit(command).whenFailure { self.failed($0) }
    }

    private func failed(_ error: any Error) {
        // The client was closed by this process, which says nothing about Redis.
        if case RedisError.closed = error { return }
        failureCounter.increment()
        redis.record(error)
    }
}
