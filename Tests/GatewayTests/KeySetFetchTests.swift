import Foundation
import JWTKit
import Logging
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletTokens

/// Which request fetches a key set, when, and from which host.
@Suite struct KeySetFetchTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func keySet(_ id: String) -> [UInt8] {
        let parameters = ES256PrivateKey().publicKey.parameters
        func urlSafe(_ text: String) -> String {
            text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }
        let (x, y) = (urlSafe(parameters?.x ?? ""), urlSafe(parameters?.y ?? ""))
        return Array(#"{"keys":[{"kty":"EC","crv":"P-256","kid":"\#(id)","x":"\#(x)","y":"\#(y)"}]}"#.utf8)
    }

    private var issuer: TokenIssuer {
        var issuer = TokenIssuer()
        issuer.keySetURL = "http://issuer.example/jwks.json"
        return issuer
    }

    @Test func doesNotFollowRedirects() async throws {
        let asked = Mutex(0)
        let set = String(decoding: Self.keySet("k"), as: UTF8.self)
        let other = try await TestUpstream.start { _ in
            asked.withLock { $0 += 1 }
            return TestUpstream.ok(set)
        }
        for status in [301, 302, 303, 307, 308] {
            let issuer = try await TestUpstream.start { _ in
                "HTTP/1.1 \(status) X\r\nLocation: \(other.endpoint)/jwks.json\r\nContent-Length: 0\r\n\r\n"
            }
            let url = "\(issuer.endpoint)/jwks.json?key=hidden"
            let problem = await #expect(throws: Problem.self) { try await TokenKeys.download(url) }
            #expect(problem?.detail?.contains("\(status); redirects are not followed") == true)
            #expect(problem?.detail?.contains("hidden") == false)
            await issuer.stop()
        }
        #expect(asked.withLock { $0 } == 0)
        #expect(try await TokenKeys.download("\(other.endpoint)/jwks.json").count == set.utf8.count)
        await other.stop()
    }

    /// The request that fetches is cancelled. The requests waiting with it still get the keys.
    @Test func waiterTakesOverACancelledFetch() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let fetches = Mutex(0)
        let keys = TokenKeys(
            issuer, logger: logger,
            fetch: { _ in
                let number = fetches.withLock { count in
                    count += 1
                    return count
                }
                start.yield()
                // The first request is cancelled while it waits.
                if number == 1 { try await untilCancelled() }
                return Self.keySet("k")
            })
        let found = await withTaskGroup(of: Bool.self) { group in
            let first = Task { try await keys.key("k") }
            for await _ in started.prefix(1) {}
            for _ in 0..<20 { group.addTask { (try? await keys.key("k")) != nil } }
            first.cancel()
            _ = await first.result
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(found.allSatisfy { $0 })
        #expect(fetches.withLock { $0 } == 2)
    }

    @Test func refreshesAnOldSetInTheBackground() async throws {
        let time = Mutex(ContinuousClock.now)
        let fetches = Mutex(0)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let refresher = KeyRefresher()
        let keys = TokenKeys(
            issuer, refresher: refresher, logger: logger, now: { time.withLock { $0 } },
            fetch: { _ in
                let number = fetches.withLock { count in
                    count += 1
                    return count
                }
                if number == 2 { for await _ in released.prefix(1) {} }
                return Self.keySet("k")
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await refresher.run() }
            try await eventually("the refresher's start") { refresher.isWorking }
            _ = try await keys.key("k")
            time.withLock { $0 += TokenKeys.maximumAge }
            // No request waits for the missing response.
            try await eventually("the second fetch") {
                _ = try await keys.key("k")
                return fetches.withLock { $0 } == 2
            }
            for _ in 0..<100 { _ = try await keys.key("k") }
            #expect(fetches.withLock { $0 } == 2)
            release.yield()
            group.cancelAll()
        }
    }

    @Test func fetchesInTheRequestWithoutARefresher() async throws {
        let time = Mutex(ContinuousClock.now)
        let fetches = Mutex(0)
        let keys = TokenKeys(
            issuer, refresher: KeyRefresher(), logger: logger, now: { time.withLock { $0 } },
            fetch: { _ in
                fetches.withLock { $0 += 1 }
                return Self.keySet("k")
            })
        _ = try await keys.key("k")
        time.withLock { $0 += TokenKeys.maximumAge }
        for _ in 0..<10 { _ = try await keys.key("k") }
        #expect(fetches.withLock { $0 } == 2)
    }
}
