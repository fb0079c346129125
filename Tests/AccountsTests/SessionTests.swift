import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Synchronization
import Testing

@testable import Accounts

@Suite struct SessionTests {
    @Test(arguments: TestStore.allCases) func refreshReturnsNewTokens(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            accounts.clock.advance(bySeconds: 240)
            let second = try await accounts.refresh(first.refreshToken)
            #expect(second.refreshToken != first.refreshToken)
            #expect(second.accessToken != first.accessToken)
            #expect(second.principal.sessionID == first.principal.sessionID)
        }
    }

    @Test(arguments: TestStore.allCases) func concurrentUseOfATokenSucceedsOnce(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let outcomes = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            return try await accounts.refresh(first.refreshToken).refreshToken
                        } catch let problem as Problem where problem.code == "refresh_token_used" {
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let given = outcomes.compactMap { $0 }
            #expect(given.count == 1)
            // Threads of one program: the first one continues.
            _ = try await accounts.refresh(given[0])
        }
    }

    @Test(arguments: TestStore.allCases) func reuseAfterTheIntervalEndsTheSession(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let second = try await accounts.refresh(first.refreshToken)
            accounts.clock.advance(bySeconds: 10)
            let soon = try await problem { try await accounts.refresh(first.refreshToken) }
            #expect(soon.status == 401)
            #expect(soon.code == "refresh_token_used")
            #expect(try await accounts.service.sessions.user(of: second.principal).id == first.userID)
            accounts.clock.advance(bySeconds: 1)
            let reused = try await problem { try await accounts.refresh(first.refreshToken) }
            #expect(reused.status == 401)
            #expect(reused.code == "session_ended")
            let after = try await problem { try await accounts.refresh(second.refreshToken) }
            #expect(after.code == "session_ended")
            let me = try await problem { try await accounts.service.me(accounts.context(second.principal)) }
            #expect(me.code == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases) func twoTabsCanRefreshWithinTheGracePeriod(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            let tab = try await accounts.refresh(cookie: first.refreshToken)
            accounts.clock.advance(bySeconds: 10)
            let otherTab = try await accounts.refresh(cookie: first.refreshToken)
            #expect(tab.refreshToken != otherTab.refreshToken)
            _ = try await accounts.refresh(cookie: tab.refreshToken)
            accounts.clock.advance(bySeconds: 1)
            let late = try await problem { try await accounts.refresh(cookie: first.refreshToken) }
            #expect(late.code == "session_ended")
            #expect(late.headers.contains { $0.name == "Set-Cookie" && $0.value.contains("Max-Age=0") })
            let after = try await problem { try await accounts.refresh(cookie: otherTab.refreshToken) }
            #expect(after.code == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases) func tokensExpire(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let first = try await accounts.login("username", "ada")
            accounts.clock.advance(bySeconds: 300)
            let access = try await problem {
                try await accounts.service.verifyToken(
                    accounts.context(), input(["token": .string(first.accessToken)]))
            }
            #expect(access.code == "token_expired")
            accounts.clock.advance(bySeconds: 14 * 86_400 - 300)
            let refused = try await problem { try await accounts.refresh(first.refreshToken) }
            #expect(refused.status == 401)
            #expect(refused.code == "invalid_token")
            try await accounts.service.sessions.forgetExpired()
            #expect(try await accounts.database.count("SELECT count(*) FROM refresh_tokens") == 0)
        }
    }

    @Test(arguments: TestStore.allCases) func rejectsUnknownTokens(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            for text in ["x", String(repeating: "y", count: 512), "🐦", "' OR 1=1 --"] {
                let refused = try await problem { try await accounts.refresh(text) }
                #expect(refused.code == "invalid_token")
            }
            let none = try await problem { try await accounts.service.refresh(accounts.context(), input([:])) }
            #expect(none.code == "invalid_token")
        }
    }

    @Test(arguments: TestStore.allCases) func logoutEndsTheSession(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let here = try await accounts.login("username", "ada")
            let elsewhere = try await accounts.login("username", "ada")
            let answer = try await accounts.service.logout(
                accounts.context(cookie: "martlet_refresh=\(here.refreshToken)"), input([:])
            ).responseParts()
            #expect(answer.status == 204)
            #expect(answer.headers.contains { $0.name == "Set-Cookie" && $0.value.contains("Max-Age=0") })
            #expect(try await problem { try await accounts.refresh(here.refreshToken) }.code == "session_ended")
            _ = try await accounts.refresh(elsewhere.refreshToken)
            // Signing out again is harmless.
            _ = try await accounts.service.logout(
                accounts.context(), input(["refresh_token": .string(here.refreshToken)]))
        }
    }

    @Test(arguments: TestStore.allCases) func reportsAnEndedSessionOnce(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let signedIn = try await accounts.login("username", "ada")
            let ended = Mutex<[EndedSession]>([])
            let sessions = SessionStore(
                database: accounts.database, messages: accounts.platform.messages, settings: accounts.service.settings,
                clock: accounts.clock.wallClock
            ) { sessions in ended.withLock { $0 += sessions } }
            let token = RefreshToken(presented: signedIn.refreshToken)
            try await sessions.end(token)
            try await sessions.end(token)
            let end = accounts.now.advanced(bySeconds: 300)
            #expect(ended.withLock { $0 } == [EndedSession(id: signedIn.principal.sessionID, tokensEnd: end)])
        }
    }

    @Test(arguments: TestStore.allCases) func databaseStoresNoUsableToken(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let signedIn = try await accounts.login("username", "ada")
            let digests = try await accounts.database.values(String.self, "SELECT digest FROM refresh_tokens")
            #expect(digests == [RefreshToken(presented: signedIn.refreshToken).digest])
            #expect(digests != [signedIn.refreshToken])
            #expect("\(RefreshToken())" == "(refresh token)")
        }
    }

    @Test(arguments: TestStore.allCases) func verifyTokenChecksTheDatabase(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let user = try await accounts.register("ada@example.org", "ada")
            let signedIn = try await accounts.login("username", "ada")
            let body: JSONValue = ["token": .string(signedIn.accessToken)]
            let answer = try await accounts.service.verifyToken(accounts.context(), input(body)).responseParts()
            let json = try JSONValue(parsing: answer.body ?? [])
            #expect(json["valid"] == true)
            #expect(json["user_id"]?.intValue == Int(user.id.rawValue))
            #expect(json["expires_at"]?.stringValue == accounts.now.advanced(bySeconds: 300).description)
            try await accounts.service.sessions.end(RefreshToken(presented: signedIn.refreshToken))
            let refused = try await problem { try await accounts.service.verifyToken(accounts.context(), input(body)) }
            #expect(refused.code == "session_ended")
            for forged in ["", "a.b.c", signedIn.accessToken + "x", String(signedIn.accessToken.dropLast(8))]
            where !forged.isEmpty {
                let refused = try await problem {
                    try await accounts.service.verifyToken(accounts.context(), input(["token": .string(forged)]))
                }
                #expect(refused.code == "invalid_token")
            }
        }
    }

    @Test func cookieIsSetAtSignInOnly() async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            let plain = try await accounts.login("username", "ada")
            #expect(
                plain.cookie
                    == "martlet_refresh=\(plain.refreshToken); HttpOnly; SameSite=Strict; Path=/api/auth; Max-Age=1209600"
            )
            let body: JSONValue = ["username": "ada", "password": .string(goodPassword)]
            let secure = try await accounts.service.login(accounts.context(secure: true), input(body)).responseParts()
            #expect(secure.headers.contains { $0.name == "Set-Cookie" && $0.value.hasSuffix("; Secure") })
        }
    }
}
