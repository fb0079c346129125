import MartletCore
import Synchronization

/// The cached responses of all routes, in memory, shared by all event loops. Evicts the least recently used.
///
/// A request that finds no usable response becomes the one that fetches it. Later requests for the same response wait
/// until its ``CacheFill`` ends.
final class ResponseCache: Sendable {
    /// The result of a lookup.
    enum Lookup {
        /// - isStale: another request is validating it, and it may be served meanwhile.
        case hit(CachedResponse, age: Int64, isStale: Bool)
        /// Must be validated. If that fails, it may be served if `onError`.
        case stale(CachedResponse, onError: Bool, CacheFill)
        case miss(CacheFill)
        /// Another request is fetching it; the waiter is called afterwards.
        case wait
    }

    /// How a fill ended.
    enum End: Sendable {
        /// Waiting requests look up again.
        case asked
        /// The response cannot be shared; waiting requests go to the upstream themselves.
        case notShared
    }

    typealias Waiter = @Sendable (End) -> Void

    private struct Entry {
        let key: [UInt8]
        let answer: CachedResponse
    }

    /// Requests in progress that may store a response under a key.
    private struct Activity {
        var fills = 0
        /// The number of invalidations of the key since the first of them began.
        var invalidations = 0
        /// The requests waiting for the shared fill, by scope.
        var waiters: [[UInt8]: [Waiter]] = [:]
    }

    fileprivate struct Shard {
        private var entries = RecencyList<Entry>()
        private var places: [[UInt8]: [Int]] = [:]
        private var activities: [[UInt8]: Activity] = [:]
        private(set) var bytes = 0
        var limit: Int

        init(limit: Int) { self.limit = limit }

        mutating func find(_ request: CacheRequest) -> CachedResponse? {
            for place in places[request.key] ?? [] {
                guard let entry = entries[place], entry.answer.matches(request) else { continue }
                entries.touch(place)
                return entry.answer
            }
            return nil
        }

        /// Whether any response is stored for the URI.
        func knows(_ key: [UInt8]) -> Bool { places[key] != nil }

        mutating func store(_ answer: CachedResponse, _ request: CacheRequest) {
            let known = places[request.key] ?? []
            for place in known where entries[place]?.answer.matches(request) == true { remove(place) }
            let size = answer.size + request.key.count
            guard size <= limit else { return }
            // The variants of one URI cannot evict everything else.
            if let variants = places[request.key], variants.count >= ResponseCache.maximumVariants {
                remove(variants[0])
            }
            while bytes + size > limit, entries.oldest >= 0 { remove(entries.oldest) }
            places[request.key, default: []].append(entries.insert(Entry(key: request.key, answer: answer)))
            bytes += size
        }

        private mutating func remove(_ place: Int) {
            guard let entry = entries.remove(place) else { return }
            bytes -= entry.answer.size + entry.key.count
            places[entry.key]?.removeAll { $0 == place }
            if places[entry.key]?.isEmpty == true { places[entry.key] = nil }
        }

        mutating func invalidate(_ key: [UInt8]) {
            for place in places[key] ?? [] { remove(place) }
            activities[key]?.invalidations += 1
        }

        /// Removes entries without affecting fills in progress.
        mutating func forget(_ key: [UInt8]) {
            for place in places[key] ?? [] { remove(place) }
        }

        mutating func shrink() {
            while bytes > limit, entries.oldest >= 0 { remove(entries.oldest) }
        }

        // MARK: fills

        /// - Returns: whether another request is already fetching the response.
        mutating func wait(for request: CacheRequest, _ waiter: @escaping Waiter) -> Bool {
            activities[request.key]?.waiters[request.scope]?.append(waiter) != nil
        }

        func isFetched(_ request: CacheRequest) -> Bool {
            activities[request.key]?.waiters[request.scope] != nil
        }

        /// - Parameter isShared: whether other requests may wait for it.
        /// - Returns: the number of invalidations of the key so far.
        mutating func begin(_ request: CacheRequest, isShared: Bool) -> Int {
            activities[request.key, default: Activity()].fills += 1
            if isShared { activities[request.key]?.waiters[request.scope] = [] }
            return activities[request.key]?.invalidations ?? 0
        }

        /// - Returns: the waiting requests.
        mutating func end(_ request: CacheRequest, isShared: Bool) -> [Waiter] {
            let waiters = isShared ? activities[request.key]?.waiters.removeValue(forKey: request.scope) : nil
            activities[request.key]?.fills -= 1
            if activities[request.key]?.fills == 0 { activities[request.key] = nil }
            return waiters ?? []
        }

        func invalidations(of key: [UInt8]) -> Int { activities[key]?.invalidations ?? 0 }
    }

    private static let maximumVariants = 16
    private static let shardCount = 8

    private let shards: [Box]
    private let clock: WallClock
    /// The bytes of bodies being recorded.
    private let collecting = Atomic<Int>(0)
    private let limit: Atomic<Int>

    private final class Box: Sendable {
        let shard: Mutex<Shard>
        init(limit: Int) { shard = Mutex(Shard(limit: limit)) }
    }

    /// - Parameter limit: the size of all entries, in bytes.
    init(limit: Int, clock: WallClock = .system) {
        self.clock = clock
        self.limit = Atomic(limit)
        shards = (0..<Self.shardCount).map { _ in Box(limit: limit / Self.shardCount) }
    }

    /// Seconds since 1970.
    var now: Int64 { clock.now.secondsSince1970 }

    /// The size of all entries, in bytes.
    var size: Int { shards.reduce(0) { $0 + $1.shard.withLock { $0.bytes } } }

    /// The limit of that size, in bytes.
    var maximum: Int { limit.load(ordering: .relaxed) }

    func setLimit(_ bytes: Int) {
        limit.store(bytes, ordering: .relaxed)
        for box in shards {
            box.shard.withLock {
                $0.limit = bytes / Self.shardCount
                $0.shrink()
            }
        }
    }

    private func shard(_ key: [UInt8]) -> Box {
        var hasher = Hasher()
        hasher.combine(key)
        return shards[Int(UInt(bitPattern: hasher.finalize()) % UInt(shards.count))]
    }

    /// - Parameters:
    ///   - isIdentified: whether the request identifies the user; it then gets shareable responses only, and does not
    ///     wait.
    ///   - waiter: called when a request fetching the same response is done; nil does not wait.
    func lookup(
        _ request: CacheRequest, _ rules: CacheRules, control: CacheControl, isIdentified: Bool, waiter: Waiter?
    ) -> Lookup {
        let box = shard(request.key)
        let now = now
        return box.shard.withLock { shard in
            var found = shard.find(request)
            if let answer = found, isIdentified, !rules.isForAll(answer.fields) { found = nil }
            guard let answer = found else {
                let isShared = !isIdentified && waiter != nil
                if isShared, let waiter, shard.wait(for: request, waiter) { return .wait }
                return .miss(fill(&shard, box, request, isShared: isShared))
            }
            let age = answer.age(at: now)
            switch rules.reuse(answer.fields, age: age, request: control) {
            case .fresh: return .hit(answer, age: age, isStale: false)
            case .stale(let whileValidating, let onError):
                if whileValidating, shard.isFetched(request) { return .hit(answer, age: age, isStale: true) }
                if let waiter, shard.wait(for: request, waiter) { return .wait }
                return .stale(answer, onError: onError, fill(&shard, box, request, isShared: waiter != nil))
            }
        }
    }

    private func fill(_ shard: inout Shard, _ box: Box, _ request: CacheRequest, isShared: Bool) -> CacheFill {
        // A request that does not wait may arrive while another one is fetching.
        let isShared = isShared && !shard.isFetched(request)
        let epoch = shard.begin(request, isShared: isShared)
        return CacheFill(request) { answer, end in
            let waiters = box.shard.withLock { shard in
                // A response requested before an invalidation may be outdated.
                if let answer, shard.invalidations(of: request.key) == epoch { shard.store(answer, request) }
                return shard.end(request, isShared: isShared)
            }
            for waiter in waiters { waiter(end) }
        }
    }

    /// Removes all responses for a URI (RFC 9111 §4.4).
    func invalidate(_ key: [UInt8]) { shard(key).shard.withLock { $0.invalidate(key) } }

    /// Removes all responses for a URI that a request in progress is replacing.
    func forget(_ key: [UInt8]) { shard(key).shard.withLock { $0.forget(key) } }

    // MARK: memory of recordings

    /// - Returns: false when too much is being recorded already, so that this response must not be.
    func collect(_ bytes: Int) -> Bool {
        let total = collecting.add(bytes, ordering: .relaxed).newValue
        if total <= limit.load(ordering: .relaxed) { return true }
        collecting.subtract(bytes, ordering: .relaxed)
        return false
    }

    func release(_ bytes: Int) { collecting.subtract(bytes, ordering: .relaxed) }
}

/// A request's claim to fetch a response. Ends when released, at the latest.
final class CacheFill: Sendable {
    private typealias Action = @Sendable (CachedResponse?, ResponseCache.End) -> Void
    let request: CacheRequest
    private let action: Mutex<Action?>

    fileprivate init(
        _ request: CacheRequest, _ action: @escaping @Sendable (CachedResponse?, ResponseCache.End) -> Void
    ) {
        self.request = request
        self.action = Mutex(action)
    }

    /// Ends the fill. Only the first call has an effect.
    /// - Parameter answer: the response to store.
    func end(_ answer: CachedResponse?, _ end: ResponseCache.End = .asked) {
        let action = action.withLock { action in
            defer { action = nil }
            return action
        }
        action?(answer, end)
    }

    deinit { end(nil) }
}
