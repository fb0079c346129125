import MartletCore
import MartletRedis
import MartletTesting
import NIOCore
import Testing

@testable import MartletCache

/// Caches of several processes with a real Redis. Each process has a connection and a clock of its own.
@Suite struct SharedCacheTests {
    private let key = CacheKey.everyone("a")

    @Test func processesShareValues() async throws {
        try await withProcesses(2) { (processes: [Process]) async throws in
            let (one, other) = (processes[0].numbers(), processes[1].numbers())
            #expect(try await one.value(for: key) { 1 } == 1)
            try await processes[0].flush()
            #expect(try await other.value(for: key) { 2 } == 1)
            #expect(processes[1].metric("requests_total", "shared") == 1)
            #expect(processes[1].metric("computations_total", "ok") == 0)
            // Its age counts from the computation in the other process.
            processes[1].clock.advance(bySeconds: 5)
            #expect(try await other.value(for: .everyone("b")) { 3 } == 3)
        }
    }

    @Test func oneProcessComputesWhileTheOthersWait() async throws {
        let gate = Gate()
        try await withProcesses(3, pause: { _ in gate.open() }) { (processes: [Process]) async throws in
            let computations = Shared(0)
            let isComputing = Gate()
            async let first = processes[0].numbers().value(for: key) {
                computations.next()
                isComputing.open()
                await gate.wait()
                return 1
            }
            await isComputing.wait()
            async let second = processes[1].numbers().value(for: key) { computations.next() + 100 }
            async let third = processes[2].numbers().value(for: key) { computations.next() + 100 }
            let values = try await [first, second, third]
            #expect(values == [1, 1, 1])
            #expect(computations.value == 1)
        }
    }

    /// A process that holds the lease has crashed.
    @Test func waitsForAnotherProcessNoLongerThanTheLease() async throws {
        let waited = Shared(Duration.zero)
        try await withProcesses(2, pause: { interval in waited.change { $0 += interval } }) {
            (processes: [Process]) async throws in
            let gate = Gate()
            let isComputing = Gate()
            async let first = processes[0].numbers().value(for: key) {
                isComputing.open()
                await gate.wait()
                return 1
            }
            await isComputing.wait()
            #expect(try await processes[1].numbers().value(for: key) { 2 } == 2)
            #expect(waited.value >= .seconds(2) && waited.value < .seconds(3))
            gate.open()
            #expect(try await first == 1)
        }
    }

    @Test func failedComputationLetsAnotherProcessCompute() async throws {
        try await withProcesses(2, pause: { _ in Issue.record("nobody computes") }) {
            (processes: [Process]) async throws in
            await #expect(throws: Refused.self) { try await processes[0].numbers().value(for: key) { throw Refused() } }
            try await processes[0].flush()
            #expect(try await processes[1].numbers().value(for: key) { 2 } == 2)
        }
    }

    @Test(arguments: CacheTests.Invalidation.allCases)
    func otherProcessesSeeAnInvalidationWithinTheConfirmation(_ invalidation: CacheTests.Invalidation) async throws {
        try await withProcesses(2) { (processes: [Process]) async throws in
            let (one, other) = (processes[0].numbers(), processes[1].numbers())
            let key = CacheKey("a", for: .everyone, in: "g")
            #expect(try await one.value(for: key) { 1 } == 1)
            try await processes[0].flush()
            #expect(try await other.value(for: key) { 2 } == 1)
            invalidation.apply(to: one, key)
            try await processes[0].flush()
            #expect(try await other.value(for: key) { 2 } == 1)
            processes[1].clock.advance(bySeconds: 1)
            #expect(try await other.value(for: key) { 2 } == 2)
        }
    }

    @Test func unchangedValueIsConfirmedWithoutAComputation() async throws {
        try await withProcesses(1) { (processes: [Process]) async throws in
            let cache = processes[0].numbers(CachePolicy(fresh: .seconds(60)))
            #expect(try await cache.value(for: key) { 1 } == 1)
            processes[0].clock.advance(bySeconds: 2)
            #expect(try await cache.value(for: key) { 2 } == 1)
            #expect(processes[0].metric("requests_total", "shared") == 1)
        }
    }

    /// A computation reads the old value, another process changes it, and only then the computation ends.
    @Test(arguments: CacheTests.Invalidation.allCases)
    func computationThatBeganBeforeAnInvalidationElsewhereIsNotStored(
        _ invalidation: CacheTests.Invalidation
    ) async throws {
        try await withProcesses(3) { (processes: [Process]) async throws in
            let key = CacheKey("a", for: .everyone, in: "g")
            let stored = Shared(1)
            let hasRead = Gate()
            let goOn = Gate()
            async let early = processes[0].numbers().value(for: key) {
                let value = stored.value
                hasRead.open()
                await goOn.wait()
                return value
            }
            await hasRead.wait()
            stored.set(2)
            invalidation.apply(to: processes[1].numbers(), key)
            try await processes[1].flush()
            goOn.open()
            #expect(try await early == 1)
            try await processes[0].flush()
            #expect(try await processes[2].numbers().value(for: key) { stored.value } == 2)
        }
    }

    /// As the test of one process, with two whose copies are confirmed at every use.
    @Test(.seeded) func readersInAllProcessesSeeAcknowledgedChanges() async throws {
        let seed = SeededRandom.seedOfRun
        try await withProcesses(2) { (processes: [Process]) async throws in
            var policy = CachePolicy(fresh: .seconds(60))
            policy.confirmation = .zero
            policy.lease = .milliseconds(500)
            let caches = processes.map { [policy] in $0.numbers(policy) }
            let stored = Shared(Array(repeating: 0, count: 3))
            let acknowledged = Shared(Array(repeating: 0, count: 3))
            try await withThrowingTaskGroup(of: Void.self) { group in
                // One caller in each process: who joins a computation gets a value as old as its beginning.
                for task in 0..<2 {
                    group.addTask {
                        var random = SeededRandom(seed: seed &+ UInt64(task))
                        for _ in 0..<400 {
                            let cache = caches[task % 2]
                            let item = Int.random(in: 0..<3, using: &random)
                            let key = CacheKey("\(item)", for: .everyone, in: "\(item % 2)")
                            if Int.random(in: 0..<4, using: &random) == 0 {
                                let version = Shared(0)
                                stored.change {
                                    $0[item] += 1
                                    version.set($0[item])
                                }
                                switch Int.random(in: 0..<6, using: &random) {
                                case 0: cache.forgetAll()
                                case 1: cache.forget(group: "\(item % 2)")
                                default: cache.forget(key)
                                }
                                try await processes[task % 2].flush()
                                acknowledged.change { $0[item] = max($0[item], version.value) }
                            } else {
                                let floor = acknowledged.value[item]
                                let yields = Int.random(in: 0..<4, using: &random)
                                let value = try await cache.value(for: key) {
                                    let value = stored.value[item]
                                    for _ in 0..<yields { await Task.yield() }
                                    return value
                                }
                                #expect(value >= floor)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(processes.allSatisfy { ($0.metric("requests_total", "shared") ?? 0) > 0 })
        }
    }

    // MARK: a Redis that is away

    @Test func withoutRedisEachProcessKeepsItsOwnValues() async throws {
        let port = try FreePort.choose()
        try await withProcesses(1, at: "redis://127.0.0.1:\(port)") { (processes: [Process]) async throws in
            let cache = processes[0].numbers(CachePolicy(fresh: .seconds(60)))
            #expect(try await cache.value(for: key) { 1 } == 1)
            #expect(try await cache.value(for: key) { 2 } == 1)
            // Nothing can confirm the value, so the windows alone count.
            processes[0].clock.advance(bySeconds: 30)
            #expect(try await cache.value(for: key) { 2 } == 1)
            cache.forget(key)
            #expect(try await cache.value(for: key) { 3 } == 3)
            processes[0].clock.advance(bySeconds: 60)
            #expect(try await cache.value(for: key) { 4 } == 4)
            #expect((processes[0].metric("redis_failures_total") ?? 0) > 0)
        }
    }

    /// A Redis that accepts connections and never answers costs the timeout once, not at every call.
    @Test func frozenRedisDelaysOnlyTheFirstCallers() async throws {
        try await RedisServer.with { server in
            try await withProcesses(1, at: server.url, timeout: .seconds(1)) { (processes: [Process]) async throws in
                let cache = processes[0].numbers()
                #expect(try await cache.value(for: key) { 1 } == 1)
                server.freeze()
                defer { server.thaw() }
                try await within(.seconds(20), "100 values") { () async throws in
                    for number in 0..<100 {
                        #expect(try await cache.value(for: .everyone("\(number)")) { number } == number)
                    }
                }
            }
        }
    }

    /// Redis keeps the old value, because it could not be told. When it is back, the process that has changed the value
    /// does not get the old one.
    @Test(arguments: CacheTests.Invalidation.allCases)
    func invalidationThatRedisMissedIsMadeUpFor(_ invalidation: CacheTests.Invalidation) async throws {
        try await RedisServer.with { server in
            try await withProcesses(2, at: server.url, timeout: .milliseconds(500)) {
                (processes: [Process]) async throws in
                let cache = processes[0].numbers(CachePolicy(fresh: .seconds(60)))
                let key = CacheKey("a", for: .everyone, in: "g")
                try await eventually("a shared value") {
                    cache.forget(key)
                    _ = try await cache.value(for: key) { 1 }
                    try await processes[0].flush()
                    return try await processes[1].numbers(CachePolicy(fresh: .seconds(60))).value(for: key) { 0 } == 1
                }
                server.freeze()
                // Until commands are refused without being sent: Redis would execute them later.
                try await eventually("a refused command") {
                    do {
                        try await processes[0].flush()
                        return false
                    } catch {
                        return error as? RedisError == .unavailable
                    }
                }
                invalidation.apply(to: cache, key)
                #expect(try await cache.value(for: key) { 2 } == 2)
                server.thaw()
                try await eventually("Redis") {
                    try await processes[0].flush()
                    return true
                }
                processes[0].clock.advance(bySeconds: 2)
                #expect(try await cache.value(for: key) { 3 } == 3)
                // The others do not get it any more either.
                try await processes[0].flush()
                #expect(try await processes[1].numbers(CachePolicy(fresh: .seconds(60))).value(for: key) { 4 } == 3)
            }
        }
    }

    @Test func restartedEmptyRedisIsUsedAgain() async throws {
        try await RedisServer.with { server in
            try await withProcesses(2, at: server.url) { (processes: [Process]) async throws in
                let (one, other) = (processes[0].numbers(), processes[1].numbers())
                _ = try await one.value(for: key) { 1 }
                server.kill()
                try await server.start()
                try await eventually("both processes share again") {
                    one.forgetAll()
                    let value = try await one.value(for: key) { 2 }
                    try await processes[0].flush()
                    other.forgetAll()
                    _ = try await other.value(for: .everyone("b")) { 0 }
                    one.forgetAll()
                    _ = try await one.value(for: key) { 3 }
                    try await processes[0].flush()
                    let seen = try await other.value(for: key) { 4 }
                    return value == 2 && seen == 3
                }
            }
        }
    }

    // MARK: what is in Redis

    @Test func everythingInRedisExpires() async throws {
        try await RedisServer.with { server in
            try await withProcesses(1, at: server.url) { (processes: [Process]) async throws in
                let cache = processes[0].numbers(CachePolicy(fresh: .seconds(60), stale: .seconds(60)))
                for number in 0..<5 {
                    let key = CacheKey("\(number)", for: .everyone, in: number < 3 ? "g" : nil)
                    _ = try await cache.value(for: key) { number }
                }
                cache.forget(group: "g")
                _ = try await cache.value(for: CacheKey("1", for: .everyone, in: "g")) { 7 }
                let redis = try #require(processes[0].redis)
                let keys = try await redis.submit(["KEYS", "*"]).get().array ?? []
                #expect(keys.count >= 6)
                for key in keys {
                    let name = try #require(key.text)
                    #expect(name.hasPrefix("martlet:cache:test"), "\(name)")
                    let left = try await redis.submit(["PTTL", .text(name)]).get().integer ?? -1
                    #expect((1...200_000).contains(left), "\(name) \(left)")
                }
            }
        }
    }

    @Test func boundsWhatAProcessAddsToRedis() async throws {
        try await RedisServer.with { server in
            try await withProcesses(1, at: server.url) { (processes: [Process]) async throws in
                var policy = CachePolicy(fresh: .seconds(60))
                policy.maximumBytes = 10_000
                let cache: Cache<String> = processes[0].caches.make("numbers", policy)
                for number in 0..<100 {
                    let key = CacheKey.everyone("\(number)")
                    _ = try await cache.value(for: key) { String(repeating: "x", count: 1000) }
                }
                let redis = try #require(processes[0].redis)
                let keys = try await redis.submit(["KEYS", "*:value:*"]).get().array ?? []
                #expect((5...10).contains(keys.count), "\(keys.count)")
                // In the next lifetimes there is room again.
                processes[0].clock.advance(bySeconds: 120)
                _ = try await cache.value(for: .everyone("new")) { "x" }
                let stored = try await redis.submit(["KEYS", "*:value:*new"]).get().array ?? []
                #expect(stored.count == 1)
            }
        }
    }

    @Test(.seeded) func foreignBytesInRedisAreComputedAgain() async throws {
        var random = SeededRandom()
        try await RedisServer.with { server in
            try await withProcesses(2, at: server.url) { (processes: [Process]) async throws in
                let cache = processes[0].numbers(CachePolicy(fresh: .seconds(60)))
                let redis = try #require(processes[0].redis)
                _ = try await cache.value(for: key) { 1 }
                try await processes[0].flush()
                let names = try await redis.submit(["KEYS", "*"]).get().array?.compactMap(\.text) ?? []
                let generation = try #require(names.first { $0.hasSuffix(":generation") })
                let value = try #require(names.first { $0.contains(":value:") })
                let tag = try #require(try await redis.submit(["GET", .text(generation)]).get().text)
                for number in 0..<100 {
                    var bytes = random.bytes(Int.random(in: 0..<40, using: &random))
                    if number.isMultiple(of: 2) { bytes = Array(tag.utf8) + bytes }
                    _ = try await redis.submit(["SET", .text(value), .bytes(bytes), "PX", 60_000]).get()
                    let other = processes[1].numbers(CachePolicy(fresh: .seconds(60)))
                    let found = try await other.value(for: key) { -1 - number }
                    try await processes[1].flush()
                    #expect(found == -1 - number || String(decoding: bytes, as: UTF8.self).contains("\(found)"))
                }
                // A key of another type is an error of Redis.
                _ = try await redis.submit(["DEL", .text(value)]).get()
                _ = try await redis.submit(["LPUSH", .text(value), "x"]).get()
                #expect(try await processes[1].numbers().value(for: key) { 5 } == 5)
                _ = try await redis.submit(["SET", .text(generation), "short"]).get()
                #expect(try await processes[1].numbers().value(for: .everyone("b")) { 6 } == 6)
            }
        }
    }

    @Test func versionsOfAFormatAreApart() async throws {
        try await withProcesses(2) { (processes: [Process]) async throws in
            let policy = CachePolicy(fresh: .seconds(60))
            let old: Cache<Int> = processes[0].caches.make("numbers", version: 1, policy)
            let new: Cache<String> = processes[1].caches.make("numbers", version: 2, policy)
            _ = try await old.value(for: key) { 1 }
            try await processes[0].flush()
            #expect(try await new.value(for: key) { "two" } == "two")
        }
    }

    @Test func staleValueOfAnotherProcessIsRefreshedOnce() async throws {
        try await withProcesses(2) { (processes: [Process]) async throws in
            var policy = CachePolicy(fresh: .seconds(5), stale: .seconds(60))
            policy.confirmation = .seconds(60)
            let caches = processes.map { [policy] in $0.numbers(policy) }
            _ = try await caches[0].value(for: key) { 1 }
            try await processes[0].flush()
            #expect(try await caches[1].value(for: key) { 2 } == 1)
            for process in processes { process.clock.advance(bySeconds: 6) }
            let gate = Gate()
            let isComputing = Gate()
            let redis = try #require(processes[0].redis)
            // Make the value in Redis as old as the copies.
            let names = try await redis.submit(["KEYS", .text("*\(processes[0].service)*:value:*")]).get().array ?? []
            _ = try await redis.submit(["PEXPIRE", .text(names.first?.text ?? ""), 59_000]).get()
            async let refreshed = caches[0].value(for: key) {
                isComputing.open()
                await gate.wait()
                return 3
            }
            await isComputing.wait()
            // The other process does not compute it too, and does not wait.
            #expect(try await caches[1].value(for: key) { 4 } == 1)
            gate.open()
            #expect(try await refreshed == 3)
            #expect(processes[1].metric("computations_total", "ok") == 0)
        }
    }
}
