import Logging
import MartletCore
import MartletData
import MartletTesting
import NIOCore
import Testing

@testable import MartletWeb

@Suite struct IdempotencyStoreTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func claim(_ key: String = "k", user: Int64 = 1) -> IdempotencyClaim {
        IdempotencyClaim(userID: user, route: "POST /a", key: key, target: "/a", headers: [:], body: nil)
    }

    private func answer(_ text: String) -> ResponseParts { ResponseParts(status: 200, body: Array(text.utf8)) }

    private func run(
        on store: TestStore, _ body: (Database, IdempotencyStore) async throws -> Void
    ) async throws {
        try await store.withDatabase([]) { database in
            try await database.migrate(IdempotencyStore.migrations, track: IdempotencyStore.track)
            try await body(database, IdempotencyStore(database))
        }
    }

    private func rows(_ database: Database) async throws -> Int {
        try await database.count("SELECT count(*) FROM idempotency_keys")
    }

    /// A process that was stopped for longer than its claim holds, and continues.
    @Test(arguments: TestStore.allCases)
    func overtakenRequestsChangeNothing(store: TestStore) async throws {
        try await run(on: store) { _, keys in
            var hasty = keys
            hasty.claimLifetime = .zero
            let first = claim()
            let second = claim()
            #expect(try await hasty.claim(first) == nil)
            #expect(try await keys.claim(second) == nil)
            try await keys.finish(first, answer("of the first"))
            try await keys.renew(first)
            try await keys.release(first)
            await #expect(throws: Problem.idempotencyKeyInUse) { try await keys.claim(claim()) }
            try await keys.finish(second, answer("of the second"))
            try await keys.finish(second, answer("once more"))
            try await keys.release(second)
            #expect(try await keys.claim(claim())?.body == Array("of the second".utf8))
        }
    }

    @Test(arguments: TestStore.allCases)
    func claimsAreRenewedWhileTheHandlerRuns(store: TestStore) async throws {
        try await run(on: store) { database, keys in
            var keys = keys
            keys.claimLifetime = .milliseconds(600)
            let calls = IdempotentCalls(keys, logger: logger, clock: .system)
            @Sendable func expiry() async throws -> Timestamp? {
                try await database.first(Timestamp.self, "SELECT expires_at FROM idempotency_keys")
            }
            let answered = try await calls.answer(claim()) { [keys] in
                let first = try await eventually("the claim") { try await expiry() }
                // Longer than the claim would hold by itself.
                try await eventually("several renewals") {
                    try await expiry().map { $0.microseconds > first.microseconds + 1_200_000 } ?? false
                }
                await #expect(throws: Problem.idempotencyKeyInUse) { try await keys.claim(claim()) }
                return answer("late")
            }
            #expect(answered.body == Array("late".utf8))
            #expect(try await keys.claim(claim())?.body == answered.body)
        }
    }

    @Test(arguments: TestStore.allCases)
    func expiredRowsAreDeletedInBatches(store: TestStore) async throws {
        try await run(on: store) { database, keys in
            var short = keys
            short.answerLifetime = .zero
            for number in 0..<230 {
                let old = claim("old-\(number)")
                _ = try await short.claim(old)
                try await short.finish(old, answer("old"))
            }
            let clock = TestClock()
            let calls = IdempotentCalls(keys, logger: logger, clock: clock.monotonicClock)
            func left(after key: String) async throws -> Int {
                _ = try await calls.answer(claim(key)) { answer("new") }
                return try await rows(database)
            }
            #expect(try await left(after: "a") == 231)
            clock.advance(bySeconds: 61)
            // A hundred with every request, until few are left; then none for a minute.
            #expect(try await left(after: "b") == 132)
            #expect(try await left(after: "c") == 33)
            #expect(try await left(after: "d") == 4)
            let old = claim("old")
            _ = try await short.claim(old)
            try await short.finish(old, answer("old"))
            #expect(try await left(after: "e") == 6)
            clock.advance(bySeconds: 61)
            #expect(try await left(after: "f") == 6)
        }
    }

    @Test func fingerprintsTellRequestsApart() {
        func fingerprint(_ target: String, _ headers: [String: [String]] = [:], _ body: String? = nil) -> [UInt8] {
            IdempotencyClaim(
                userID: 1, route: "r", key: "k", target: target, headers: headers,
                body: body.map { ByteBuffer(string: $0) }
            ).fingerprint
        }
        let all = [
            fingerprint("/a"), fingerprint("/ab"), fingerprint("/a", ["b": ["c"]]), fingerprint("/a", ["b": []]),
            fingerprint("/a", ["bc": []]), fingerprint("/a", ["b": ["c", "d"]]), fingerprint("/a", [:], "b"),
            fingerprint("/a", ["b": ["c"]], "d"),
        ]
        #expect(Set(all).count == all.count)
        #expect(fingerprint("/a", ["x": ["1"], "y": ["2"]], "b") == fingerprint("/a", ["y": ["2"], "x": ["1"]], "b"))
    }
}
