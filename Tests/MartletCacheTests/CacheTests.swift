import MartletCore
import MartletTesting
import Testing

@testable import MartletCache

/// A cache in the process's memory.
@Suite struct CacheTests {
    private let key = CacheKey.everyone("a")

    // MARK: one computation

    @Test func concurrentCallersShareOneComputation() async throws {
        let process = Process()
        let cache = process.numbers()
        let gate = Gate()
        let computations = Shared(0)
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await cache.value(for: key) {
                        await gate.wait()
                        return computations.next()
                    }
                }
            }
            try await eventually("99 waiting callers") { cache.waiterCount(for: key) == 99 }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: 1, count: 100))
        #expect(process.metric("computations_total", "ok") == 1)
        #expect(process.metric("requests_total", "miss") == 100)
    }

    @Test func keysAreComputedIndependently() async throws {
        let cache = Process().numbers()
        let gate = Gate()
        async let slow = cache.value(for: .everyone("slow")) {
            await gate.wait()
            return 1
        }
        #expect(try await cache.value(for: .everyone("quick")) { 2 } == 2)
        gate.open()
        #expect(try await slow == 1)
    }

    @Test func cancelledCallerThatComputesLeavesTheOthersTheirValue() async throws {
        let cache = Process().numbers()
        let attempts = Shared(0)
        let compute: @Sendable () async throws -> Int = {
            let attempt = attempts.next()
            if attempt == 1 { try await untilCancelled() }
            return attempt
        }
        try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                // The first of two tasks in a group of its own, to cancel it alone.
                try? await withThrowingTaskGroup(of: Int.self) { inner in
                    inner.addTask { try await cache.value(for: key, compute: compute) }
                    try await eventually("two waiting callers") { cache.waiterCount(for: key) == 2 }
                    inner.cancelAll()
                    return try await inner.next()
                }
            }
            try await eventually("the first computation") { attempts.value == 1 }
            for _ in 0..<2 { group.addTask { try await cache.value(for: key, compute: compute) } }
            var values: [Int?] = []
            for try await value in group { values.append(value) }
            #expect(values.count == 3 && values.contains(nil))
            #expect(values.compactMap { $0 } == [2, 2])
        }
        #expect(attempts.value == 2)
    }

    @Test func cancelledCallerThatWaitsLeavesTheComputationAlone() async throws {
        let cache = Process().numbers()
        let gate = Gate()
        async let first = cache.value(for: key) {
            await gate.wait()
            return 1
        }
        let waiting = await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                do {
                    _ = try await cache.value(for: key) { 2 }
                    return nil
                } catch {
                    return error
                }
            }
            try? await eventually("a waiting caller") { cache.waiterCount(for: key) == 1 }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(waiting is CancellationError)
        gate.open()
        #expect(try await first == 1)
    }

    @Test func errorReachesAllCallersAndIsNotKept() async throws {
        let process = Process()
        let cache = process.numbers()
        let gate = Gate()
        let failures = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do {
                        _ = try await cache.value(for: key) {
                            await gate.wait()
                            throw Refused()
                        }
                        return false
                    } catch {
                        return error is Refused
                    }
                }
            }
            try? await eventually("four waiting callers") { cache.waiterCount(for: key) == 4 }
            gate.open()
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(failures == 5)
        #expect(process.metric("computations_total", "error") == 1)
        #expect(try await cache.value(for: key) { 7 } == 7)
    }

    // MARK: time

    @Test func keepsAValueForItsFreshWindow() async throws {
        let process = Process()
        let cache = process.numbers()
        #expect(try await cache.value(for: key) { 1 } == 1)
        process.clock.advance(bySeconds: 4)
        #expect(try await cache.value(for: key) { 2 } == 1)
        process.clock.advance(bySeconds: 1)
        #expect(try await cache.value(for: key) { 3 } == 3)
        #expect(process.metric("requests_total", "hit") == 1)
        #expect(process.metric("requests_total", "miss") == 2)
        #expect(process.metric("requests_total", "stale") == 0)
    }

    /// A slow computation reads old data: its time counts.
    @Test func ageBeginsWithTheComputation() async throws {
        let process = Process()
        let cache = process.numbers()
        let clock = process.clock
        #expect(
            try await cache.value(for: key) {
                clock.advance(bySeconds: 4)
                return 1
            } == 1)
        clock.advance(bySeconds: 1)
        #expect(try await cache.value(for: key) { 2 } == 2)
    }

    @Test func staleValueIsReturnedAtOnceAndRefreshedOnceInTheBackground() async throws {
        let refresher = CacheRefresher()
        let process = Process(refresher: refresher)
        let cache = process.numbers(CachePolicy(fresh: .seconds(5), stale: .seconds(60)))
        let gate = Gate()
        let refreshes = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await refresher.work() }
            try await eventually("a running refresher") { refresher.submit {} == .accepted }
            _ = try await cache.value(for: key) { 1 }
            process.clock.advance(bySeconds: 6)
            for _ in 0..<10 {
                let value = try await cache.value(for: key) {
                    refreshes.next()
                    await gate.wait()
                    return 2
                }
                #expect(value == 1)
            }
            gate.open()
            try await eventually("the new value") { try await cache.value(for: key) { 3 } == 2 }
            group.cancelAll()
        }
        #expect(refreshes.value == 1)
        #expect((process.metric("requests_total", "stale") ?? 0) >= 10)
    }

    @Test func withoutARefresherTheFirstCallerRefreshes() async throws {
        let process = Process()
        let cache = process.numbers(CachePolicy(fresh: .seconds(5), stale: .seconds(60)))
        _ = try await cache.value(for: key) { 1 }
        process.clock.advance(bySeconds: 6)
        let gate = Gate()
        let isComputing = Gate()
        async let first = cache.value(for: key) {
            isComputing.open()
            await gate.wait()
            return 2
        }
        await isComputing.wait()
        // The others do not wait for it.
        #expect(try await cache.value(for: key) { 9 } == 1)
        gate.open()
        #expect(try await first == 2)
        #expect(try await cache.value(for: key) { 9 } == 2)
    }

    @Test func failedRefreshKeepsTheStaleValueUntilItIsTooOld() async throws {
        let process = Process()
        let cache = process.numbers(CachePolicy(fresh: .seconds(5), stale: .seconds(10)))
        _ = try await cache.value(for: key) { 1 }
        let attempts = Shared(0)
        let fail: @Sendable () async throws -> Int = {
            attempts.next()
            throw Refused()
        }
        process.clock.advance(bySeconds: 6)
        for _ in 0..<3 { #expect(try await cache.value(for: key, compute: fail) == 1) }
        #expect(attempts.value == 1)
        process.clock.advance(bySeconds: 1)
        #expect(try await cache.value(for: key, compute: fail) == 1)
        #expect(attempts.value == 2)
        process.clock.advance(bySeconds: 8)
        await #expect(throws: Refused.self) { try await cache.value(for: key, compute: fail) }
    }

    @Test func shutdownEndsRefreshesAndNobodyWaitsForThem() async throws {
        let refresher = CacheRefresher(maximum: 2)
        let process = Process(refresher: refresher)
        let cache = process.numbers(CachePolicy(fresh: .seconds(5), stale: .seconds(60)))
        let keys = (0..<3).map { CacheKey.everyone("\($0)") }
        let started = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await refresher.work() }
            try await eventually("a running refresher") { refresher.submit {} == .accepted }
            for key in keys { _ = try await cache.value(for: key) { 1 } }
            try await eventually("an idle refresher") { refresher.pending == 0 }
            process.clock.advance(bySeconds: 6)
            for key in keys {
                let value = try await cache.value(for: key) {
                    started.next()
                    try await untilCancelled()
                    return 2
                }
                #expect(value == 1)
            }
            // The third was one too many, and left to a later caller.
            try await eventually("two refreshes") { started.value == 2 }
            group.cancelAll()
        }
        #expect(started.value == 2)
        process.clock.advance(bySeconds: 60)
        for key in keys { #expect(try await cache.value(for: key) { 3 } == 3) }
    }

    // MARK: invalidation

    enum Invalidation: CaseIterable {
        case key, group, all

        func apply(to cache: Cache<Int>, _ key: CacheKey) {
            switch self {
            case .key: cache.forget(key)
            case .group: cache.forget(group: "g")
            case .all: cache.forgetAll()
            }
        }
    }

    @Test(arguments: Invalidation.allCases)
    func forgetsValues(_ invalidation: Invalidation) async throws {
        let process = Process()
        let cache = process.numbers()
        let key = CacheKey("a", for: .everyone, in: "g")
        let other = CacheKey("a", for: .everyone, in: "other")
        _ = try await cache.value(for: key) { 1 }
        _ = try await cache.value(for: other) { 1 }
        invalidation.apply(to: cache, key)
        #expect(try await cache.value(for: key) { 2 } == 2)
        #expect(try await cache.value(for: other) { 2 } == (invalidation == .all ? 2 : 1))
        cache.forgetAll()
        #expect(process.metric("entries") == 0 && process.metric("bytes") == 0)
    }

    /// The computation reads the old value, the change is committed and forgotten, and only then the computation ends.
    @Test(arguments: Invalidation.allCases)
    func computationThatBeganBeforeAnInvalidationIsNotKept(_ invalidation: Invalidation) async throws {
        let cache = Process().numbers()
        let key = CacheKey("a", for: .everyone, in: "g")
        let stored = Shared(1)
        let hasRead = Gate()
        let goOn = Gate()
        async let early = cache.value(for: key) {
            let value = stored.value
            hasRead.open()
            await goOn.wait()
            return value
        }
        await hasRead.wait()
        stored.set(2)
        invalidation.apply(to: cache, key)
        // A caller that comes after the change does not wait for the old computation either.
        #expect(try await cache.value(for: key) { stored.value } == 2)
        goOn.open()
        #expect(try await early == 1)
        #expect(try await cache.value(for: key) { 3 } == 2)
    }

    /// Readers never see a value older than the last change that was acknowledged before they began.
    @Test(.seeded) func readersSeeAcknowledgedChanges() async throws {
        let seed = SeededRandom.seedOfRun
        let process = Process()
        var policy = CachePolicy(fresh: .seconds(5), stale: .seconds(5))
        policy.maximumCount = 3
        let cache = process.numbers(policy)
        let stored = Shared(Array(repeating: 0, count: 4))
        let acknowledged = Shared(Array(repeating: 0, count: 4))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var random = SeededRandom(seed: seed &+ UInt64(task))
                    for _ in 0..<400 {
                        let item = Int.random(in: 0..<4, using: &random)
                        let key = CacheKey("\(item)", for: .everyone, in: "\(item % 2)")
                        if Int.random(in: 0..<4, using: &random) == 0 {
                            let kind = Int.random(in: 0..<8, using: &random)
                            let version = Shared(0)
                            stored.change {
                                $0[item] += 1
                                version.set($0[item])
                            }
                            switch kind {
                            case 0: cache.forgetAll()
                            case 1: cache.forget(group: "\(item % 2)")
                            default: cache.forget(key)
                            }
                            acknowledged.change { $0[item] = max($0[item], version.value) }
                        } else {
                            let floor = acknowledged.value[item]
                            let yields = Int.random(in: 0..<4, using: &random)
                            let value = try? await cache.value(for: key) {
                                let value = stored.value[item]
                                for _ in 0..<yields { await Task.yield() }
                                return value
                            }
                            #expect((value ?? -1) >= floor)
                        }
                    }
                }
            }
        }
        #expect((process.metric("requests_total", "hit") ?? 0) > 0)
    }

    // MARK: bounds

    @Test func evictsTheLeastRecentlyUsed() async throws {
        let process = Process()
        var policy = CachePolicy(fresh: .seconds(5))
        policy.maximumCount = 3
        let cache = process.numbers(policy)
        for id in ["a", "b", "c"] { _ = try await cache.value(for: .everyone(id)) { 1 } }
        _ = try await cache.value(for: .everyone("a")) { 2 }
        _ = try await cache.value(for: .everyone("d")) { 1 }
        #expect(process.metric("evictions_total") == 1 && process.metric("entries") == 3)
        #expect(try await cache.value(for: .everyone("a")) { 2 } == 1)
        #expect(try await cache.value(for: .everyone("b")) { 2 } == 2)
    }

    @Test func boundsTheBytes() async throws {
        let process = Process()
        var policy = CachePolicy(fresh: .seconds(5))
        policy.maximumBytes = 10_000
        let cache: Cache<String> = process.caches.make("numbers", policy)
        for number in 0..<50 {
            _ = try await cache.value(for: .everyone("\(number)")) { String(repeating: "x", count: 1000) }
        }
        #expect((process.metric("bytes") ?? .max) <= 10_000)
        #expect((process.metric("entries") ?? 0) > 5)
        // One that does not fit is returned but evicts nothing.
        let before = process.metric("entries")
        _ = try await cache.value(for: .everyone("huge")) { String(repeating: "x", count: 20_000) }
        #expect(process.metric("entries") == before)
    }

    @Test func longKeysAreNotCached() async throws {
        let process = Process()
        let cache = process.numbers()
        let key = CacheKey.everyone(String(repeating: "k", count: 2000))
        #expect(try await cache.value(for: key) { 1 } == 1)
        #expect(try await cache.value(for: key) { 2 } == 2)
        #expect(process.metric("requests_total", "bypass") == 2)
    }

    // MARK: keys

    @Test func scopesDoNotShareValues() async throws {
        func principal(
            _ id: Int64, _ permissions: Set<String>, staff: Bool = false, superuser: Bool = false
        ) -> Principal {
            Principal(
                userID: id, username: "u\(id)", sessionID: "s", permissions: permissions, isStaff: staff,
                isSuperuser: superuser)
        }
        let scopes: [CacheScope] = [
            .everyone, .user(1), .user(11), .rights(of: principal(1, [])), .rights(of: principal(1, ["a.b"])),
            .rights(of: principal(1, ["a.b", "c.d"])), .rights(of: principal(1, ["a.b3.c.d"])),
            .rights(of: principal(1, ["a.b"], staff: true)), .rights(of: principal(1, [], superuser: true)),
        ]
        let cache = Process().numbers()
        for (number, scope) in scopes.enumerated() {
            #expect(try await cache.value(for: CacheKey("1", for: scope)) { number } == number)
        }
        // Two users with the same rights share.
        let alike = CacheKey("1", for: .rights(of: principal(2, ["c.d", "a.b"])))
        #expect(try await cache.value(for: alike) { 99 } == 5)
    }

    @Test func partsOfKeysCannotBeMistakenForEachOther() {
        let keys = [
            CacheKey("bc", for: .everyone, in: "a"), CacheKey("c", for: .everyone, in: "ab"),
            CacheKey("abc", for: .everyone), CacheKey("1abc", for: .user(1)), CacheKey("abc", for: .user(11)),
        ]
        #expect(Set(keys).count == keys.count)
    }

    @Test func keepsThatThereIsNothing() async throws {
        let cache: Cache<Int?> = Process().caches.make("numbers", CachePolicy(fresh: .seconds(5)))
        #expect(try await cache.value(for: key) { nil } == .some(nil))
        #expect(try await cache.value(for: key) { 1 } == .some(nil))
    }
}
