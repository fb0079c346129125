import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

/// Presenting a refresh token more than once: ADR 0034.
@Suite struct RefreshReuseTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let verdict: RefreshRule.Verdict
        var age: Int64? = 5
        var usedByCookie: Bool? = true
        var byCookie = true
        /// The age of the first use in its generation. Default: the age of its own use.
        var generationAge: Int64?
        var isSurpassed = false
        var successors = 1
    }

    @Test(arguments: [
        Case(testDescription: "not used", verdict: .first, age: nil, usedByCookie: nil, successors: 0),
        Case(
            testDescription: "another tab's, at once", verdict: .first, age: nil, usedByCookie: nil, generationAge: 10),
        Case(
            testDescription: "another holder's, later", verdict: .stolen, age: nil, usedByCookie: nil,
            generationAge: 11),
        Case(
            testDescription: "another holder's, when a later one was used", verdict: .stolen, age: nil,
            usedByCookie: nil, isSurpassed: true),
        Case(
            testDescription: "another tab's, and no room", verdict: .refused, age: nil, usedByCookie: nil,
            generationAge: 5, successors: 6),
        Case(testDescription: "two tabs", verdict: .again),
        Case(testDescription: "again, long after the first tab", verdict: .stolen, generationAge: 11),
        Case(testDescription: "the end of the interval", verdict: .again, age: 10),
        Case(testDescription: "after the interval", verdict: .stolen, age: 11),
        Case(testDescription: "a clock that was set back", verdict: .stolen, age: -3600),
        Case(testDescription: "the sixth successor", verdict: .again, successors: 5),
        Case(testDescription: "the seventh", verdict: .refused, successors: 6),
        Case(testDescription: "a grandparent", verdict: .stolen, isSurpassed: true),
        Case(testDescription: "two threads", verdict: .refused, usedByCookie: false, byCookie: false),
        Case(testDescription: "two threads, late", verdict: .stolen, age: 11, usedByCookie: false, byCookie: false),
        Case(testDescription: "body, then cookie", verdict: .stolen, usedByCookie: false),
        Case(testDescription: "cookie, then body", verdict: .stolen, byCookie: false),
        Case(testDescription: "used before it was kept how", verdict: .stolen, usedByCookie: nil),
    ])
    func followsTheReuseRule(_ one: Case) {
        let now = Timestamp(microseconds: 1_800_000_000_000_000)
        let token = RefreshRule.Token(
            usedAt: one.age.map { now.advanced(bySeconds: -$0) }, usedByCookie: one.usedByCookie, generation: 3,
            generationUsedAt: (one.generationAge ?? one.age).map { now.advanced(bySeconds: -$0) },
            isSurpassed: one.isSurpassed, successors: one.successors)
        #expect(RefreshRule.verdict(on: token, byCookie: one.byCookie, at: now, grace: 10) == one.verdict)
    }

    @Test(arguments: TestStore.allCases) func cookieAllowsAFewRefreshesWithinTheGracePeriod(store: TestStore)
        async throws
    {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let outcomes = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        do {
                            return try await accounts.refresh(cookie: first.refreshToken).refreshToken
                        } catch let problem as Problem where problem.code == "refresh_token_used" {
                            // The browser has a newer cookie, which must not be deleted.
                            #expect(!problem.headers.contains { $0.name == "Set-Cookie" })
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let given = Set(outcomes.compactMap { $0 })
            #expect(given.count == RefreshRule.maximumSuccessors)
            // No tree of tokens grows: the size of a generation is limited.
            for token in given { _ = try await accounts.refresh(cookie: token) }
            for token in given {
                for _ in 0..<3 {
                    let refused = try await problem { try await accounts.refresh(cookie: token) }
                    #expect(refused.code == "refresh_token_used")
                }
            }
            let all = try await accounts.database.count("SELECT count(*) FROM refresh_tokens")
            #expect(all == 1 + 2 * RefreshRule.maximumSuccessors)
        }
    }

    @Test(arguments: TestStore.allCases, [true, false])
    func reuseOfAnOlderGenerationEndsTheSession(store: TestStore, byCookie: Bool) async throws {
        try await withAccounts(store) { accounts in
            func refresh(_ token: String) async throws -> SignedIn {
                byCookie ? try await accounts.refresh(cookie: token) : try await accounts.refresh(token)
            }
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let second = try await refresh(first.refreshToken)
            let third = try await refresh(second.refreshToken)
            #expect(try await problem { try await refresh(first.refreshToken) }.code == "session_ended")
            #expect(try await problem { try await refresh(third.refreshToken) }.code == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases, [true, false])
    func tokenIsBoundToItsTransport(store: TestStore, byCookie: Bool) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let token = try await accounts.login("username", "ada").refreshToken
            _ = byCookie ? try await accounts.refresh(cookie: token) : try await accounts.refresh(token)
            let refused = try await problem {
                byCookie ? try await accounts.refresh(token) : try await accounts.refresh(cookie: token)
            }
            #expect(refused.code == "session_ended")
        }
    }

    /// The browser keeps one of two tabs' tokens. If the other one is presented later, it was stolen.
    @Test(arguments: TestStore.allCases) func reuseOfASiblingTokenEndsTheSession(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let others = try await accounts.refresh(cookie: first.refreshToken)
            let taken = try await accounts.refresh(cookie: first.refreshToken)
            let next = try await accounts.refresh(cookie: taken.refreshToken)
            let last = try await accounts.refresh(cookie: next.refreshToken)
            let refused = try await problem { try await accounts.refresh(cookie: others.refreshToken) }
            #expect(refused.code == "session_ended")
            #expect(try await problem { try await accounts.refresh(cookie: last.refreshToken) }.code == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases) func sessionSizeIsBounded(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let second = try await accounts.refresh(first.refreshToken)
            let generation = RefreshRule.rememberedGenerations
            try await accounts.database.execute(
                "UPDATE refresh_tokens SET generation = generation + \(generation) WHERE used_at IS NULL")
            let third = try await accounts.refresh(second.refreshToken)
            #expect(try await accounts.database.count("SELECT count(*) FROM refresh_tokens") == 2)
            // The first token is no longer stored, so it does not end the session.
            let refused = try await problem { try await accounts.refresh(first.refreshToken) }
            #expect(refused.code == "invalid_token")
            _ = try await accounts.refresh(third.refreshToken)
        }
    }

    /// Before generations were recorded, all tokens of a session had the same generation.
    @Test(arguments: TestStore.allCases) func legacySessionContinues(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let second = try await accounts.refresh(first.refreshToken)
            try await accounts.database.execute("UPDATE refresh_tokens SET generation = 0, used_by_cookie = NULL")
            accounts.clock.advance(bySeconds: 60)
            let third = try await accounts.refresh(second.refreshToken)
            _ = try await accounts.refresh(third.refreshToken)
        }
    }
}
