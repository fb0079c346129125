import Logging
import MartletClient
import MartletCore
import MartletData
import MartletMessaging
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import Accounts
@testable import MartletWeb

/// A new process must reject the tokens of sessions that ended before it started.
@Suite struct EndedSessionTests {
    /// The sessions that a new process on the same database rejects, with the time until which they are kept.
    private func refusedAfterRestart(_ accounts: Fixture) async throws -> [String: Timestamp] {
        let refused = Mutex<[String: Timestamp]>([:])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let platform = Platform(
            database: accounts.database, messages: accounts.platform.messages,
            authenticator: Authenticator(
                issuer: ServiceClient("accounts", at: .unix(path: "/nowhere"), logger: logger),
                clock: accounts.clock.wallClock, logger: logger,
                onRevoke: { session, until in refused.withLock { $0[session] = until } }),
            metrics: MetricsRegistry(), logger: logger, clock: accounts.clock.wallClock,
            folder: accounts.directory)
        var settings = AccountsSettings()
        settings.passwordCost = cheap
        try await AccountsService(platform, settings: settings).prepare()
        return refused.withLock { $0 }
    }

    @Test(arguments: TestStore.allCases) func endedSessionsSurviveARestart(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            let names = ["out", "stolen", "inactive", "demoted", "deleted", "password", "stays"]
            var people: [String: SignedIn] = [:]
            for name in names {
                try await accounts.register("\(name)@example.org", "name-\(name)")
                people[name] = try await accounts.login("username", "name-\(name)")
            }
            func person(_ name: String) throws -> SignedIn { try #require(people[name]) }
            try await accounts.service.sessions.end(RefreshToken(presented: person("out").refreshToken))
            let next = try await accounts.refresh(person("stolen").refreshToken)
            _ = try await accounts.refresh(next.refreshToken)
            _ = try await problem { try await accounts.refresh(person("stolen").refreshToken) }
            _ = try await accounts.update(person("inactive").userID, ["is_active": false], by: root)
            _ = try await accounts.update(person("demoted").userID, ["is_staff": true], by: root)
            _ = try await accounts.update(person("password").userID, ["password": .string(otherPassword)], by: root)
            _ = try await accounts.service.delete(accounts.context(root.principal), person("deleted").userID)

            let end = accounts.now.advanced(bySeconds: 300)
            var expected: [String: Timestamp] = [:]
            for name in names where name != "stays" { expected[try person(name).principal.sessionID] = end }
            #expect(try await refusedAfterRestart(accounts) == expected)
        }
    }

    @Test(arguments: TestStore.allCases) func endedSessionsAreForgottenAfterTheirTokensExpire(store: TestStore)
        async throws
    {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let session = try await accounts.login("username", "ada")
            try await accounts.service.sessions.end(RefreshToken(presented: session.refreshToken))
            // The clock is ahead by less than an hour, and is corrected later.
            accounts.clock.set(bySeconds: 3500)
            #expect(try await refusedAfterRestart(accounts).count == 1)
            accounts.clock.set(bySeconds: -3500)
            #expect(try await refusedAfterRestart(accounts).count == 1)
            accounts.clock.advance(bySeconds: 2 * 3600)
            #expect(try await refusedAfterRestart(accounts).isEmpty)
            accounts.clock.advance(bySeconds: 86_400)
            try await accounts.service.sessions.forgetExpired()
            #expect(try await accounts.database.count("SELECT count(*) FROM ended_sessions") == 0)
        }
    }

    /// Tokens expire by the time of day.
    @Test(arguments: TestStore.allCases) func settingTheClockBackRevivesNothing(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let session = try await accounts.login("username", "ada")
            let end = accounts.now.advanced(bySeconds: 300)
            accounts.clock.set(bySeconds: -3600)
            try await accounts.service.sessions.end(RefreshToken(presented: session.refreshToken))
            #expect(try await refusedAfterRestart(accounts) == [session.principal.sessionID: end])
        }
    }

    @Test(arguments: TestStore.allCases) func evictsTheLongestIdleSession(store: TestStore) async throws {
        try await withAccounts(store, settings: { $0.maximumSessions = 3 }) { accounts in
            try await accounts.register("ada@example.org", "ada")
            var sessions: [SignedIn] = []
            for _ in 0..<3 {
                sessions.append(try await accounts.login("username", "ada"))
                accounts.clock.advance(bySeconds: 1)
            }
            sessions[0] = try await accounts.refresh(sessions[0].refreshToken)
            let fourth = try await accounts.login("username", "ada")
            let refused = try await problem { try await accounts.refresh(sessions[1].refreshToken) }
            #expect(refused.code == "session_ended")
            #expect(try await refusedAfterRestart(accounts).keys.sorted() == [sessions[1].principal.sessionID])
            for session in [sessions[0], sessions[2], fourth] { _ = try await accounts.refresh(session.refreshToken) }
            #expect(try await accounts.database.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 3)
        }
    }

    /// Changing a password with 2,000 sessions: one update, and one entry per session.
    @Test(arguments: TestStore.allCases) func endsManySessionsInOneStatement(store: TestStore) async throws {
        try await withAccounts(store, settings: { $0.maximumSessions = 5000 }) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let here = try await accounts.login("username", "ada")
            let (now, later) = (accounts.now, accounts.now.advanced(bySeconds: 86_400))
            for start in stride(from: 0, to: 2000, by: 500) {
                var values: SQL = .empty
                for number in start..<(start + 500) {
                    values += number == start ? "" : ", "
                    values += "(\("s\(number)"), \(here.userID), \(now), \(later))"
                }
                try await accounts.database.execute(
                    "INSERT INTO sessions (id, user_id, created_at, expires_at) VALUES \(values)")
            }
            let body: JSONValue = [
                "current_password": .string(goodPassword), "new_password": .string(otherPassword),
            ]
            _ = try await accounts.service.changePassword(accounts.context(here.principal), input(body))
            #expect(try await accounts.database.count("SELECT count(*) FROM ended_sessions") == 2000)
            #expect(try await accounts.database.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 1)
            #expect(try await refusedAfterRestart(accounts).count == 2000)
        }
    }
}
