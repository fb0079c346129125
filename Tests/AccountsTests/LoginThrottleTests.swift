import MartletCore
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

@Suite struct LoginThrottleTests {
    private let clock = TestClock()

    private func stranger(_ number: Int) -> LoginSource { LoginSource(name: "198.51.100.\(number)", isKnown: false) }

    /// Tries a wrong password.
    /// - Returns: the seconds to wait if the attempt was throttled.
    @discardableResult
    private func fail(_ throttle: LoginThrottle, _ account: String, _ source: LoginSource) async -> Int? {
        do {
            _ = try await throttle.checking(account, from: source) { nil as Int? }
            return nil
        } catch let problem as Problem {
            return problem.headers.first { $0.name == "Retry-After" }.flatMap { Int($0.value) }
        } catch {
            return -1
        }
    }

    @Test func countsPendingAttempts() async throws {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        func nested(_ depth: Int) async throws -> Int? {
            try await throttle.checking("ada", from: stranger(1)) { depth == 1 ? nil : try await nested(depth - 1) }
        }
        // Ten undecided attempts at once, and an eleventh.
        let refused = try await problem { try await nested(11) }
        #expect(refused.status == 429)
        #expect(await fail(throttle, "ada", stranger(1)) == nil)
    }

    @Test func doesNotCountUndecidedAttempts() async throws {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        for _ in 0..<50 {
            let busy = try await problem {
                try await throttle.checking("ada", from: stranger(1)) { () throws -> Int? in
                    throw Problem.unavailable("Too many passwords are being checked.")
                }
            }
            #expect(busy.status == 503)
        }
        #expect(await fail(throttle, "ada", stranger(1)) == nil)
    }

    @Test func waitStartsAtTheLastFailure() async throws {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        for _ in 0..<10 { await fail(throttle, "ada", stranger(1)) }
        #expect(await fail(throttle, "ada", stranger(1)) == 1)
        clock.advance(bySeconds: 1)
        _ = try await problem {
            try await throttle.checking("ada", from: stranger(1)) { () throws -> Int? in throw Problem.internal }
        }
        #expect(await fail(throttle, "ada", stranger(1)) == nil)
    }

    @Test func changingTheClockDoesNotChangeWaits() async {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        for _ in 0..<10 { await fail(throttle, "ada", stranger(1)) }
        for hours: Int64 in [-1, 2, -100] {
            clock.set(bySeconds: hours * 3600)
            #expect(await fail(throttle, "ada", stranger(1)) == 1)
        }
    }

    @Test func unknownNamesDoNotEvictAttackedAccounts() async {
        let throttle = LoginThrottle(clock: clock.monotonicClock, capacity: 128)
        for _ in 0..<9 { await fail(throttle, "ada", stranger(1)) }
        for number in 0..<1000 {
            await fail(throttle, "made up \(number)", LoginSource(name: "2001:db8:\(number)::", isKnown: false))
        }
        #expect(await fail(throttle, "ada", stranger(1)) == nil)
        #expect(await fail(throttle, "ada", stranger(1)) == 1)
    }

    @Test func slowsDistributedGuessingWithoutLockout() async throws {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        var taken = 0
        for number in 0..<60 {
            for _ in 0..<10 where await fail(throttle, "ada", stranger(number)) == nil { taken += 1 }
        }
        // Three full sources, then one guess each.
        #expect(taken < 100)
        // Nothing changes for a known source. From a new one, the right password is accepted.
        let home = LoginSource(name: "203.0.113.1", isKnown: true)
        for _ in 0..<5 { #expect(await fail(throttle, "ada", home) == nil) }
        #expect(try await throttle.checking("ada", from: home) { 1 } == 1)
        #expect(try await throttle.checking("ada", from: stranger(200)) { 1 } == 1)
    }

    @Test func slowsOneSourceThatTriesManyAccounts() async {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        var taken = 0
        for number in 0..<500 where await fail(throttle, "account \(number)", stranger(1)) == nil { taken += 1 }
        #expect(taken == 100)
        // The account is not throttled from its known source, and other accounts are not affected.
        #expect(await fail(throttle, "ada", LoginSource(name: stranger(1).name, isKnown: true)) == nil)
        #expect(await fail(throttle, "ada", stranger(2)) == nil)
    }

    @Test func signInKeepsCountsOfOtherAccounts() async throws {
        let throttle = LoginThrottle(clock: clock.monotonicClock)
        for number in 0..<100 { await fail(throttle, "account \(number)", stranger(1)) }
        clock.advance(bySeconds: 1)
        _ = try await throttle.checking("own", from: stranger(1)) { 1 }
        #expect(await fail(throttle, "ada", stranger(1)) == nil)
        #expect(await fail(throttle, "bob", stranger(1)) == 2)
    }

    @Test(arguments: [("2001:db8:1:2:3::4", "2001:db8:1:2:ffff::1"), ("::ffff:192.0.2.1", "192.0.2.1")])
    func treatsANetworkAsOneSource(pair: (String, String)) {
        #expect(LoginSource.stranger(pair.0) == LoginSource.stranger(pair.1))
        #expect(LoginSource.stranger(pair.0) != LoginSource.stranger("2001:db8:1:3::1"))
        #expect(LoginSource.stranger("no address") == LoginSource.stranger(nil))
    }
}

@Suite struct KnownSourceTests {
    @Test(arguments: TestStore.allCases) func countsAllNamesOfAnAccountTogether(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            for number in 0..<10 {
                let (field, name) = number.isMultiple(of: 2) ? ("email", "ada@example.org") : ("username", "ada")
                #expect(
                    try await problem { try await accounts.login(field, name, password: otherPassword) }.status == 401)
            }
            for (field, name) in [("email", "ada@example.org"), ("username", "ada")] {
                #expect(try await problem { try await accounts.login(field, name) }.status == 429)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func remembersKnownSources(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let user = try await accounts.register("ada@example.org", "ada")
            let other = try await accounts.register("bob@example.org", "bob")
            let signedIn = try await accounts.login("username", "ada", address: "2001:db8:1:2::3")
            let token = RefreshToken(presented: signedIn.refreshToken)
            let sessions = accounts.service.sessions
            func source(_ address: String, _ token: RefreshToken? = nil, of id: ID<User>?) async throws -> LoginSource {
                try await sessions.source(of: token, at: address, for: id)
            }
            #expect(try await source("2001:db8:1:2:ffff::9", of: user.id).isKnown)
            #expect(try await !source("2001:db8:1:3::3", of: user.id).isKnown)
            #expect(try await !source("2001:db8:1:2::3", of: other.id).isKnown)
            #expect(try await !source("2001:db8:1:2::3", of: nil).isKnown)
            // A browser with the account's cookie is its own source.
            let browser = try await source("192.0.2.9", token, of: user.id)
            #expect(browser.isKnown)
            #expect(browser.name != LoginSource.network("192.0.2.9"))
            #expect(try await !source("192.0.2.9", token, of: other.id).isKnown)
        }
    }
}
