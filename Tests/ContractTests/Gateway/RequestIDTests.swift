import MartletCore
import MartletTesting
import NIOHTTP1
import Testing

/// The id that connects a response to the logs.
@Suite(.inTurn) struct RequestIDTests {
    static let paths = ["/api/products?limit=1", "/api/auth/me", "/health/live", "/openapi.json", "/api/nothing", "/"]

    @Test(arguments: Deployment.allCases)
    func isGeneratedWhenMissing(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        var seen: Set<String> = []
        for path in Self.paths {
            let id = try #require(try await platform.api.get(path).header("X-Request-ID"), "\(path)")
            #expect(id.wholeMatch(of: /[A-Za-z0-9._-]{16,64}/) != nil, "\(path): \(id)")
            #expect(seen.insert(id).inserted, "\(path)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func isTakenFromTheClientAndEchoedOnce(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in Self.paths {
            let id = uniqueName("id.")
            let answer = try await platform.api.get(path, ["X-Request-ID": id])
            #expect(answer.headers["X-Request-ID"] == [id], "\(path)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func isReplacedWhenUnsafe(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for id in [String(repeating: "x", count: 65), "a b", "a\"b", "<script>", "{}", "ä", "a;b", ""] {
            for path in ["/api/products?limit=1", "/health/live"] {
                let answer = try await RawSocket.exchange(
                    port: platform.port,
                    "GET \(path) HTTP/1.1\r\nHost: a\r\nX-Request-ID: \(id)\r\nConnection: close\r\n\r\n")
                let echoed = try #require(answer.responses.first?.header("X-Request-ID"), "\(id)")
                #expect(echoed != id && echoed.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) != nil, "\(id) → \(echoed)")
            }
        }
        let twice = try await RawSocket.exchange(
            port: platform.port,
            "GET /api/products?limit=1 HTTP/1.1\r\nHost: a\r\n"
                + "X-Request-ID: a\r\nX-Request-ID: b\r\nConnection: close\r\n\r\n"
        )
        let id = try #require(twice.responses.first?.header("X-Request-ID"))
        #expect(id != "a" && id != "b")
    }
}
