import Crypto
import Foundation
import JWTKit
import Logging
import MartletCore
import MartletTesting
import Testing

@testable import Gateway
@testable import MartletTokens

/// Tokens of ended sessions, and the cost of remembering the sessions.
@Suite struct EndedSessionsTests {
    private static let secret = Array("a secret of the tests, 32 bytes and more".utf8)

    private struct Claims: JWTPayload {
        var sub = "7"
        var sid: String
        var exp: Int
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private func token(_ session: String, until: Int64) async throws -> [UInt8] {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: Data(Self.secret)), digestAlgorithm: .sha256)
        return Array(try await keys.sign(Claims(sid: session, exp: Int(until))).utf8)
    }

    private func verifier(_ clock: TestClock, _ ended: EndedSessions) -> TokenVerifier<String> {
        var issuer = TokenIssuer()
        issuer.keys = [.init(.hs256, material: Self.secret)]
        issuer.leeway = .zero
        let keys = TokenKeys(issuer, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return TokenVerifier(issuer, keys: keys, ended: ended, clock: clock.wallClock) { $0.subject }
    }

    private func ended(_ clock: TestClock) -> EndedSessions {
        EndedSessions(clock: clock.wallClock, monotonicClock: clock.monotonicClock)
    }

    private func code(_ verifier: TokenVerifier<String>, _ token: [UInt8]) async -> String? {
        do {
            if let known = token.withUnsafeBytes({ verifier.known($0) }) {
                _ = try known.get()
            } else {
                _ = try await verifier.verify(token)
            }
            return nil
        } catch {
            return (error as? Problem)?.code
        }
    }

    @Test func refusesTokensSeenAndUnseen() async throws {
        let clock = TestClock()
        let ended = ended(clock)
        let verifier = verifier(clock, ended)
        let end = clock.wallClock.now.secondsSince1970 + 300
        let (seen, unseen) = (try await token("a", until: end), try await token("a", until: end - 1))
        let other = try await token("b", until: end)
        #expect(await code(verifier, seen) == nil)
        ended.insert("a", until: end)
        #expect(await code(verifier, seen) == "session_ended")
        #expect(await code(verifier, unseen) == "session_ended")
        #expect(await code(verifier, other) == nil)
        // Until the ended sessions are known, no token is accepted.
        ended.hold()
        #expect(await code(verifier, other) == "unavailable")
        ended.release()
        #expect(await code(verifier, other) == nil)
    }

    @Test func clockJumpForgetsNothing() async throws {
        let clock = TestClock()
        let ended = ended(clock)
        let verifier = verifier(clock, ended)
        let end = clock.wallClock.now.secondsSince1970 + 300
        let token = try await token("a", until: end)
        ended.insert("a", until: end)
        // Forward and back: in between, the tokens seem expired; afterwards they are valid again.
        clock.set(bySeconds: 7200)
        for number in 0..<10 { ended.insert("forward \(number)", until: end) }
        clock.set(bySeconds: -7200)
        #expect(await code(verifier, token) == "session_ended")
        // Back: the tokens live an hour longer, whatever time has passed.
        clock.set(bySeconds: -3600)
        clock.advance(bySeconds: 600)
        for number in 0..<10 { ended.insert("back \(number)", until: end) }
        #expect(await code(verifier, token) == "session_ended")
        // Expired by both clocks.
        clock.set(bySeconds: 3600)
        clock.advance(bySeconds: 7200)
        for number in 0..<100 { ended.insert("late \(number)", until: end) }
        #expect(!ended.contains("a"))
    }

    /// Ends 20,000 sessions. Each end examines at most two old entries and no token.
    @Test func endingASessionCostsTheSameForAnyNumberOfSessions() {
        let clock = TestClock()
        let ended = ended(clock)
        for number in 0..<20_000 {
            if number % 10 == 0 { clock.advance(bySeconds: 1) }
            ended.insert("s\(number)", until: clock.wallClock.now.secondsSince1970 + 300)
        }
        #expect(ended.examined <= 2 * 20_000)
        // Only those of the last 361 seconds.
        #expect(ended.count <= 3700)
        #expect(ended.contains("s19999"))
        #expect(!ended.contains("s0"))
        // A repeated insertion counts once.
        let count = ended.count
        for _ in 0..<1000 { ended.insert("s19999", until: clock.wallClock.now.secondsSince1970 + 300) }
        #expect(ended.count <= count)
        for until in [Int64.min, .max] { ended.insert("odd", until: until) }
    }

    @Test func verifiedTokenCacheIsBounded() {
        let memory = TokenMemory<Int>()
        func digest(_ number: Int) -> SHA256.Digest {
            withUnsafeBytes(of: number) { SHA256.hash(data: $0) }
        }
        let all = TokenMemory<Int>.capacity + 20_000
        for number in 0..<all { memory.insert(number, for: digest(number)) }
        #expect(memory.count <= TokenMemory<Int>.capacity)
        #expect(memory.count > TokenMemory<Int>.capacity * 9 / 10)
        // The oldest are evicted one by one; the others stay.
        #expect(memory[digest(0)] == nil)
        #expect((all - 40_000..<all).allSatisfy { memory[digest($0)] == $0 })
        memory.insert(-1, for: digest(all - 1))
        #expect(memory[digest(all - 1)] == -1)
    }

    // MARK: In the gateway

    private func issuer(_ number: Int) -> TokenIssuer {
        var issuer = TokenIssuer()
        issuer.issuer = "issuer \(number)"
        issuer.keys = [.init(.hs256, material: Self.secret)]
        return issuer
    }

    @Test func verifiersAreDroppedWithTheirConfiguration() async throws {
        func configure(_ configuration: inout GatewayConfiguration, _ number: Int) {
            configuration.upstreams = [.init(name: "test", endpoints: [.tcp(host: "127.0.0.1", port: 1)])]
            configuration.routes = [
                .init(.prefix("/api"), upstream: "test"), .init(.prefix("/same"), upstream: "test"),
            ]
            configuration.routes[0].policies.authentication = .init(tokens: issuer(number))
            configuration.routes[1].policies.authentication = .init(tokens: issuer(0))
        }
        try await withGateway(configure: { configure(&$0, 0) }) { gateway in
            let verifiers = gateway.gateway.resources.verifiers
            #expect(verifiers.count == 1)
            let first = ObjectIdentifier(verifiers.verifier(issuer(0)))
            for number in 1...20 {
                var configuration = GatewayConfiguration(port: 0)
                configure(&configuration, number)
                try await gateway.gateway.reload(configuration)
                #expect(verifiers.count == 2, "one from the reload, and the one that stays")
            }
            #expect(ObjectIdentifier(verifiers.verifier(issuer(0))) == first)
        }
    }

    @Test func rejectsTokensUntilEndedSessionsAreKnown() async throws {
        try await withProxy(answer: { _ in TestUpstream.ok() }) { configuration in
            var issuer = issuer(0)
            issuer.issuer = nil
            configuration.routes[0].policies.authentication = .init(tokens: issuer)
        } _: { gateway, upstream in
            let end = WallClock.system.now.secondsSince1970 + 60
            func status(_ session: String) async throws -> Int {
                let token = String(decoding: try await token(session, until: end), as: UTF8.self)
                return try await gateway.get("/api", headers: "Authorization: Bearer \(token)\r\n").status
            }
            gateway.gateway.holdTokens()
            let held = try await status("a")
            #expect(held == 503)
            gateway.gateway.revoke(session: "b", until: end)
            gateway.gateway.releaseTokens()
            #expect(try await status("a") == 200)
            #expect(try await status("b") == 401)
        }
    }
}
