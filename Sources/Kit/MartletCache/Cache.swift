import MartletCore
import MartletTelemetry
import Synchronization

/// Values that are expensive to compute, kept for a short time.
///
/// ```swift
/// let products: Cache<Product> = platform.caches.make("products", CachePolicy(fresh: .seconds(5)))
///
/// let product = try await products.value(for: CacheKey("\(id)", for: .everyone)) { try await store.find(id) }
/// products.forget(CacheKey("\(id)", for: .everyone))       // after the change has been committed
/// ```
///
/// - Concurrent callers of one key share one computation. A caller that is cancelled does not affect the others; an
///   error reaches all of them and is not kept.
/// - No value is returned later than ``CachePolicy/fresh`` plus ``CachePolicy/stale`` after its computation began.
/// - Callers that come after ``forget(_:)`` has returned in this process never get a value whose computation began
///   before it, also when Redis is unavailable or comes back.
/// - Callers in other processes stop getting it within ``CachePolicy/confirmation`` while both processes reach Redis;
///   otherwise when it is too old.
///
/// Without Redis, and while it is unavailable, each process keeps its own values.
///
/// A computation must not ask for its own key, because it would wait for itself.
public final class Cache<Value: CacheValue>: Sendable {
    private typealias Entry = CacheTable<Value>.Entry

    /// A value and where it came from.
    private struct Found: Sendable {
        let value: Value
        let result: CacheMetrics.Result
        /// What to keep in the process; nil when it is kept already or cannot be kept.
        var entry: CacheTable<Value>.Entry?
        /// What to store in Redis.
        var shared: (lease: SharedCache.Lease, bytes: [UInt8])?
    }

    private struct State {
        var table: CacheTable<Value>
        /// The computations under way whose value may be kept. An invalidation removes them.
        var flights: [CacheKey: Flight<Found>] = [:]
    }

    /// What a caller has to do.
    private enum Step {
        case hit(Value)
        /// The flight is nil when the value is being refreshed already.
        case stale(Value, Flight<Found>?)
        case wait(Flight<Found>)
        case lead(Flight<Found>)
    }

    private let policy: CachePolicy
    private let shared: SharedCache?
    private let refresher: CacheRefresher?
    private let clock: MonotonicClock
    private let pause: @Sendable (Duration) async throws -> Void
    private let metrics: CacheMetrics
    private let state: Mutex<State>

    init(
        policy: CachePolicy, shared: SharedCache?, refresher: CacheRefresher?, clock: MonotonicClock,
        pause: @escaping @Sendable (Duration) async throws -> Void, metrics: CacheMetrics
    ) {
        self.policy = policy
        self.shared = shared
        self.refresher = refresher
        self.clock = clock
        self.pause = pause
        self.metrics = metrics
        state = Mutex(
            State(table: CacheTable(maximumCount: policy.maximumCount, maximumBytes: policy.maximumBytes)))
    }

    // MARK: values

    /// Returns the value of a key, computing it if necessary.
    ///
    /// Callers of one key share a computation: who joins one that is under way gets a value as old as its beginning, also if
    /// another process has changed the value since.
    /// - Parameter compute: may run in another task. Its error is not kept.
    /// - Throws: the error of `compute`; `CancellationError`.
    public func value(
        for key: CacheKey, compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard key.byteCount <= policy.maximumKeyBytes else {
            metrics.count(.bypass)
            return try await compute()
        }
        while true {
            let found: Found
            switch step(key) {
            case .hit(let value):
                metrics.count(.hit)
                return value
            case .stale(let value, let flight):
                metrics.count(.stale)
                guard let flight else { return value }
                return await refresh(key, flight, compute) ?? value
            case .wait(let flight):
                switch try await flight.outcome() {
                case .value(let value): found = value
                case .failure(let error): throw error
                case .abandoned: continue
                }
            case .lead(let flight):
                guard let value = try await lead(flight, key, isRefresh: false, compute) else { continue }
                found = value
            }
            metrics.count(found.result)
            return found.value
        }
    }

    private func step(_ key: CacheKey) -> Step {
        let now = clock.now
        return state.withLock { state -> Step in
            if let entry = state.table.use(key), isUsable(entry, at: now) {
                if now < entry.computedAt + policy.fresh { return .hit(entry.value) }
                guard state.flights[key] == nil, entry.retryAt <= now else { return .stale(entry.value, nil) }
                state.table.change(key) { $0.retryAt = now + policy.retryPause }
                let flight = Flight<Found>()
                state.flights[key] = flight
                return .stale(entry.value, flight)
            }
            if let flight = state.flights[key] { return .wait(flight) }
            let flight = Flight<Found>()
            state.flights[key] = flight
            return .lead(flight)
        }
    }

    /// Whether the process may return its own copy without asking Redis.
    private func isUsable(_ entry: Entry, at now: Duration) -> Bool {
        now < entry.computedAt + policy.lifetime && (shared == nil || now < entry.confirmedAt + policy.confirmation)
    }

    /// Computes the next value in the background; without a running refresher, at once.
    /// - Returns: nil in the background, or when the value cannot be computed.
    private func refresh(
        _ key: CacheKey, _ flight: Flight<Found>, _ compute: @escaping @Sendable () async throws -> Value
    ) async -> Value? {
        let admission = refresher?.submit { _ = try? await self.lead(flight, key, isRefresh: true, compute) }
        switch admission {
        case .accepted: return nil
        case .full:
            end(flight, key, .abandoned)
            return nil
        case .notRunning, nil: return try? await lead(flight, key, isRefresh: true, compute)?.value
        }
    }

    /// The number of callers that wait for the computation of a value.
    func waiterCount(for key: CacheKey) -> Int { state.withLock { $0.flights[key]?.waiterCount ?? 0 } }

    // MARK: computing

    /// Obtains a value for everyone who waits for the flight, and keeps it.
    /// - Returns: nil when another process is refreshing the value.
    private func lead(
        _ flight: Flight<Found>, _ key: CacheKey, isRefresh: Bool,
        _ compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Found? {
        do {
            guard let found = try await obtain(key, isRefresh: isRefresh, compute) else {
                end(flight, key, .abandoned)
                return nil
            }
            let isCurrent = end(flight, key, .value(found))
            if let (lease, bytes) = found.shared, let entry = found.entry {
                if isCurrent {
                    shared?.store(bytes, for: key, lease, computedAt: entry.computedAt)
                } else {
                    shared?.release(lease, of: key)
                }
            }
            if !isRefresh, found.result == .shared { await refreshIfStale(key, compute) }
            return found
        } catch {
            end(flight, key, Task.isCancelled ? .abandoned : .failure(error))
            throw error
        }
    }

    /// Begins to refresh a value that came from Redis and is stale.
    private func refreshIfStale(
        _ key: CacheKey, _ compute: @escaping @Sendable () async throws -> Value
    ) async {
        switch step(key) {
        case .stale(_, let flight?): _ = await refresh(key, flight, compute)
        // The value was forgotten meanwhile, or must be confirmed again: the next caller computes it.
        case .lead(let flight): end(flight, key, .abandoned)
        case .stale(_, nil), .hit, .wait: break
        }
    }

    /// Ends a flight, and keeps its value unless the key was forgotten meanwhile.
    /// - Returns: whether the value may be kept.
    @discardableResult
    private func end(_ flight: Flight<Found>, _ key: CacheKey, _ outcome: Flight<Found>.Outcome) -> Bool {
        let isCurrent = state.withLock { state in
            guard state.flights[key] === flight else { return false }
            state.flights[key] = nil
            if case .value(let found) = outcome, let entry = found.entry {
                metrics.evictions.increment(by: state.table.insert(entry, for: key))
                metrics.set(entries: state.table.count, bytes: state.table.bytes)
            }
            return true
        }
        flight.end(outcome)
        return isCurrent
    }

    /// - Returns: nil when another process is refreshing the value.
    private func obtain(
        _ key: CacheKey, isRefresh: Bool, _ compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Found? {
        guard let shared else { return try await computed(compute) }
        var waited = Duration.zero
        var interval = Duration.milliseconds(5)
        while true {
            switch await shared.open(key, isRefresh: isRefresh) {
            case .found(let bytes, let computedAt, let confirmedAt):
                guard clock.now < computedAt + policy.lifetime, let value = try? Value(cacheBytes: bytes) else {
                    return try await computed(compute)
                }
                let entry = Entry(
                    value: value, cost: value.cacheCost, computedAt: computedAt, confirmedAt: confirmedAt)
                return Found(value: value, result: .shared, entry: entry)
            case .leased(let lease): return try await computed(compute, lease, of: key)
            case .busy where isRefresh: return nil
            case .busy where waited < policy.lease:
                try await pause(interval)
                waited += interval
                interval = min(interval * 2, .milliseconds(100))
            case .busy, .absent: return try await computed(compute)
            case .unavailable:
                if !isRefresh, let copy = unconfirmedCopy(of: key) { return copy }
                return try await computed(compute)
            }
        }
    }

    /// The process's own copy, which Redis cannot confirm now.
    private func unconfirmedCopy(of key: CacheKey) -> Found? {
        let now = clock.now
        return state.withLock { state in
            guard let entry = state.table.use(key), now < entry.computedAt + policy.lifetime else { return nil }
            state.table.change(key) { $0.confirmedAt = now }
            return Found(
                value: entry.value, result: now < entry.computedAt + policy.fresh ? .hit : .stale)
        }
    }

    private func computed(
        _ compute: @escaping @Sendable () async throws -> Value, _ lease: SharedCache.Lease? = nil,
        of key: CacheKey? = nil
    ) async throws -> Found {
        let start = clock.now
        do {
            let value = try await compute()
            metrics.computed(true)
            let entry = Entry(value: value, cost: value.cacheCost, computedAt: start, confirmedAt: start)
            var found = Found(value: value, result: .miss, entry: entry)
            if let lease, let key {
                if let bytes = try? value.cacheBytes() {
                    found.shared = (lease, bytes)
                } else {
                    shared?.release(lease, of: key)
                }
            }
            return found
        } catch {
            metrics.computed(false)
            if let lease, let key { shared?.release(lease, of: key) }
            throw error
        }
    }

    // MARK: invalidation

    /// Removes a value, also from Redis. A computation of it that is under way is not kept. Does not wait.
    public func forget(_ key: CacheKey) {
        state.withLock { state in
            state.flights[key] = nil
            state.table.remove(key)
            metrics.set(entries: state.table.count, bytes: state.table.bytes)
        }
        shared?.forget(key)
    }

    /// Removes all values whose keys are in a group. See ``forget(_:)``.
    public func forget(group: String) {
        state.withLock { state in
            state.flights = state.flights.filter { $0.key.group != group }
            state.table.remove(group: group)
            metrics.set(entries: state.table.count, bytes: state.table.bytes)
        }
        shared?.forget(group: group)
    }

    /// Removes all values. See ``forget(_:)``.
    public func forgetAll() {
        let removed = state.withLock { state in
            state.flights = [:]
            defer { metrics.set(entries: 0, bytes: 0) }
            return state.table.removeAll()
        }
        shared?.forgetAll()
        _ = removed
    }
}
