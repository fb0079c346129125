import Crypto
import MartletCore
import NIOCore
import Synchronization
import Testing

@testable import Gateway

/// Responses stored by a route, over real sockets. A test makes a response stale with its `Age`.
@Suite struct CacheTests {
    /// Counts the requests that reached the upstream.
    private final class Seen: Sendable {
        private let requests = Mutex<[TestMessage]>([])
        var count: Int { requests.withLock { $0.count } }
        var last: TestMessage? { requests.withLock { $0.last } }
        /// - Returns: the number so far.
        func add(_ request: TestMessage) -> Int {
            requests.withLock {
                $0.append(request)
                return $0.count
            }
        }
    }

    /// A gateway that stores responses for `/c`. The upstream's body contains the number of the request.
    private func withCache(
        _ headers: String = "Cache-Control: max-age=60\r\n",
        answer: (@Sendable (TestMessage, Int) -> String)? = nil,
        configure: (inout GatewayConfiguration.RouteRule) -> Void = { _ in },
        _ body: (GatewayFixture, Seen) async throws -> Void
    ) async throws {
        let seen = Seen()
        let upstream = try await TestUpstream.start { request in
            let number = seen.add(request)
            return answer?(request, number) ?? TestUpstream.ok("answer \(number)", headers: headers)
        }
        var route = GatewayConfiguration.RouteRule(.prefix("/c"), upstream: "test")
        route.cache = .init()
        configure(&route)
        try await withGateway(endpoint: upstream.endpoint, configure: { $0.routes.append(route) }) {
            try await body($0, seen)
        }
        await upstream.stop()
    }

    @Test func servesStoredResponses() async throws {
        try await withCache("Cache-Control: max-age=60\r\nAge: 10\r\nX-Own: 1\r\nKeep-Alive: x\r\n") { gateway, seen in
            let first = try await gateway.get("/c?a=1", headers: "Accept-Encoding: br\r\n")
            #expect(first.text == "answer 1")
            #expect(first["cache-status"] == "martlet; fwd=uri-miss; fwd-status=200; stored")
            #expect(seen.last?["accept-encoding"] == nil)
            let second = try await gateway.get("/c?a=1", headers: "X-Request-ID: second\r\n")
            #expect(second.startLine == "HTTP/1.1 200 OK")
            #expect(second.text == "answer 1")
            #expect(second.all("age").count == 1)
            let age = try #require(second["age"].flatMap { Int($0) })
            #expect((10...20).contains(age))
            #expect(second["cache-status"]?.hasPrefix("martlet; hit; ttl=") == true)
            #expect(second["x-own"] == "1")
            #expect(second["keep-alive"] == nil)
            #expect(second.all("date").count == 1)
            #expect(second.all("x-request-id") == ["second"])
            #expect(second["content-length"] == "8")
            let head = try await gateway.exchange("HEAD /c?a=1 HTTP/1.1\r\nHost: example.com\r\n\r\n", toHead: true)
            #expect(head["content-length"] == "8")
            #expect(seen.count == 1)
            for (outcome, count) in [("hit", 2), ("miss", 1)] {
                let line = gateway.metric("gateway_cache_requests_total{route=\"/c\",outcome=\"\(outcome)\"}")
                #expect(line?.hasSuffix(" \(count)") == true)
            }
            // A route without a cache.
            for _ in 0..<2 { _ = try await gateway.get("/api") }
            #expect(seen.count == 3)
        }
    }

    @Test func storesChunkedResponses() async throws {
        try await withCache(answer: { _, _ in
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
        }) { gateway, seen in
            for _ in 0..<2 {
                let answer = try await gateway.get("/c")
                #expect(answer.text == "hello!")
            }
            #expect(seen.count == 1)
        }
    }

    @Test(arguments: [
        "", "Cache-Control: no-store\r\n", "Cache-Control: max-age=60, private\r\n",
        "Cache-Control: max-age=60\r\nSet-Cookie: session=1\r\n", "Cache-Control: max-age=60\r\nVary: *\r\n",
        "Cache-Control: max-age=60\r\nContent-Encoding: br\r\n", "Cache-Control: max-age=0\r\n",
    ])
    func doesNotStoreUncacheableResponses(_ headers: String) async throws {
        try await withCache(headers) { gateway, seen in
            for number in 1...2 {
                let answer = try await gateway.get("/c")
                #expect(answer.text == "answer \(number)")
                #expect(answer["cache-status"] == "martlet; fwd=uri-miss; fwd-status=200")
            }
            #expect(seen.count == 2)
        }
    }

    @Test func differentRequestsHaveDifferentKeys() async throws {
        try await withCache(
            "Cache-Control: max-age=60\r\nVary: X-Vary\r\n", configure: { $0.cache?.keyHeaders = ["X-Tenant"] }
        ) { gateway, seen in
            let requests = [
                "GET /c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /c HTTP/1.1\r\nHost: b\r\n\r\n",
                "GET /c?x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /c/d HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /c HTTP/1.1\r\nHost: a\r\nX-Tenant: 1\r\n\r\n",
                "GET /c HTTP/1.1\r\nHost: a\r\nX-Tenant: 2\r\n\r\n",
                "GET /c HTTP/1.1\r\nHost: a\r\nX-Vary: 1\r\n\r\n",
            ]
            for _ in 0..<2 {
                for (index, request) in requests.enumerated() {
                    let answer = try await gateway.exchange(request)
                    #expect(answer.text == "answer \(index + 1)")
                }
            }
            #expect(seen.count == requests.count)
        }
    }

    /// A field named in `Connection` does not reach the upstream, so the response must not be shared.
    @Test func hopByHopHeadersDoNotPoisonTheCache() async throws {
        let headers = "Cache-Control: max-age=60\r\nVary: X-Variant\r\n"
        try await withCache(headers, configure: { $0.cache?.keyHeaders = ["X-Tenant"] }) { gateway, seen in
            for field in ["X-Tenant", "X-Variant"] {
                let poisoned = try await gateway.get(
                    "/c/\(field)", headers: "\(field): acme\r\nConnection: keep-alive, \(field)\r\n")
                #expect(poisoned["cache-status"] == "martlet; fwd=bypass")
                #expect(seen.last?[field.lowercased()] == nil)
                let honest = try await gateway.get("/c/\(field)", headers: "\(field): acme\r\n")
                #expect(honest.text != poisoned.text)
                #expect(seen.last?[field.lowercased()] == "acme")
            }
        }
    }

    @Test func revalidatesStaleResponses() async throws {
        try await withCache(answer: { request, number in
            guard request["if-none-match"] == "\"1\"" else {
                return TestUpstream.ok(
                    "content", headers: "Cache-Control: max-age=60\r\nAge: 60\r\nETag: \"1\"\r\nX-Count: \(number)\r\n")
            }
            return "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\nX-Count: \(number)\r\n\r\n"
        }) { gateway, seen in
            let client = try await gateway.connect()
            try await client.send(String(repeating: "GET /c HTTP/1.1\r\nHost: a\r\n\r\n", count: 3))
            var answers: [TestMessage] = []
            for _ in 0..<3 { answers.append(try await client.response()) }
            #expect(answers.map(\.text) == ["content", "content", "content"])
            #expect(answers.map { $0["x-count"] } == ["1", "2", "2"])
            #expect(answers[1]["cache-status"] == "martlet; fwd=stale; fwd-status=304; stored")
            #expect(answers[2]["cache-status"]?.hasPrefix("martlet; hit") == true)
            #expect(seen.count == 2)
            await client.close()
        }
    }

    /// RFC 9111 §1.2.2: a huge age counts as 2³¹ and keeps growing.
    @Test func hugeAgeIsClamped() async throws {
        for age in ["9223372036854775807", "99999999999999999999"] {
            try await withCache("Cache-Control: max-age=60\r\nAge: \(age)\r\n") { gateway, seen in
                _ = try await gateway.get("/c")
                let answer = try await gateway.get("/c", headers: "Cache-Control: max-stale\r\n")
                #expect(answer.text == "answer 1")
                let told = try #require(answer["age"].flatMap { Int($0) })
                #expect((1 << 31...1 << 31 + 60).contains(told))
                #expect(seen.count == 1)
            }
        }
    }

    /// The size limit includes what clients send: a long field in `Vary`, and a part of the key.
    @Test(arguments: ["User-Agent", "X-Tenant"])
    func longClientFieldsCountAgainstTheCapacity(_ field: String) async throws {
        try await withProxy(answer: { _ in
            TestUpstream.ok(headers: "Cache-Control: max-age=60\r\nVary: User-Agent\r\n")
        }) { configuration in
            configuration.limits.cache = 1 << 20
            configuration.routes[0].cache = .init()
            configuration.routes[0].cache?.keyHeaders = ["X-Tenant"]
        } _: { gateway, upstream in
            let headers = "\(field): \(String(repeating: "x", count: 28_000))\r\n"
            let client = try await gateway.connect()
            func get(_ number: Int, _ control: String) async throws -> Int {
                try await client.send("GET /api/\(number) HTTP/1.1\r\nHost: a\r\n\(control)\(headers)\r\n")
                return try await client.response().status
            }
            for number in 0..<80 { #expect(try await get(number, "") == 200) }
            var kept = 0
            for number in 0..<80 where try await get(number, "Cache-Control: only-if-cached\r\n") == 200 { kept += 1 }
            #expect((1...1 << 20 / 28_000).contains(kept))
            await client.close()
        }
    }

    @Test func answersConditionalRequestsFromTheCache() async throws {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        try await withCache("Cache-Control: max-age=60\r\nETag: \"1\"\r\nLast-Modified: \(date)\r\nX-Own: 1\r\n") {
            gateway, seen in
            _ = try await gateway.get("/c")
            for condition in ["If-None-Match: \"0\", W/\"1\"", "If-None-Match: *", "If-Modified-Since: \(date)"] {
                let answer = try await gateway.get("/c", headers: condition + "\r\n")
                #expect(answer.status == 304)
                #expect(answer["etag"] == "\"1\"")
                #expect(answer["cache-control"] == "max-age=60")
                #expect(answer["age"] != nil)
                #expect(answer["x-own"] == nil)
            }
            let other = try await gateway.get("/c", headers: "If-None-Match: \"2\"\r\nIf-Modified-Since: \(date)\r\n")
            #expect(other.status == 200)
            #expect(seen.count == 1)
        }
    }

    @Test func forwardsConditionsOnAMiss() async throws {
        try await withCache(answer: { request, _ in
            request["if-none-match"] == "\"1\""
                ? "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n" : TestUpstream.ok("full")
        }) { gateway, _ in
            let answer = try await gateway.get("/c", headers: "If-None-Match: \"1\"\r\n")
            #expect(answer.status == 304)
        }
    }

    @Test(arguments: ["Authorization: Bearer a\r\n", "Cookie: session=a\r\n"])
    func doesNotShareAuthorizedResponses(_ credentials: String) async throws {
        try await withCache { gateway, seen in
            let own = try await gateway.get("/c", headers: credentials)
            #expect(own.text == "answer 1")
            let anonymous = try await gateway.get("/c")
            #expect(anonymous.text == "answer 2")
            // A request with credentials does not get the anonymous response either.
            let again = try await gateway.get("/c", headers: credentials)
            #expect(again.text == "answer 3")
            #expect(seen.count == 3)
        }
        try await withCache("Cache-Control: public, max-age=60\r\n") { gateway, seen in
            for headers in [credentials, "", credentials] {
                let answer = try await gateway.get("/c", headers: headers)
                #expect(answer.text == "answer 1")
            }
            #expect(seen.count == 1)
        }
    }

    @Test func policiesApplyBeforeTheCache() async throws {
        let digest = { (key: String) in Array(SHA256.hash(data: Array(key.utf8))) }
        let keys = GatewayConfiguration.APIKeys(keys: [
            .init(name: "one", digest: digest("1")), .init(name: "two", digest: digest("2")),
        ])
        for (control, expected) in [
            ("max-age=60", ["answer 1", "answer 2"]), ("s-maxage=60", ["answer 1", "answer 1"]),
        ] {
            try await withCache(
                "Cache-Control: \(control)\r\n", configure: { $0.policies.authentication = .init(apiKeys: keys) }
            ) { gateway, _ in
                var texts: [String] = []
                for key in ["1", "2"] {
                    texts.append(try await gateway.get("/c", headers: "X-API-Key: \(key)\r\n").text)
                }
                #expect(texts == expected)
                let nobody = try await gateway.get("/c")
                #expect(nobody.status == 401)
                let wrong = try await gateway.get("/c", headers: "X-API-Key: 3\r\n")
                #expect(wrong.status == 401)
            }
        }
    }

    @Test(arguments: ["POST", "PUT", "PATCH", "DELETE"])
    func unsafeMethodsInvalidate(_ method: String) async throws {
        try await withCache(answer: { request, number in
            if request["x-fail"] != nil { return "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n" }
            return TestUpstream.ok("answer \(number)", headers: "Cache-Control: max-age=60\r\n")
        }) { gateway, _ in
            func change(_ headers: String) async throws {
                _ = try await gateway.exchange(
                    "\(method) /c HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\(headers)\r\n")
            }
            var texts = [try await gateway.get("/c").text]
            try await change("X-Fail: 1\r\n")
            texts.append(try await gateway.get("/c").text)
            try await change("")
            texts.append(try await gateway.get("/c").text)
            #expect(texts == ["answer 1", "answer 1", "answer 4"])
        }
    }

    @Test func collapsesConcurrentMisses() async throws {
        try await withProxy { configuration in
            configuration.routes[0].cache = .init()
        } _: { gateway, upstream in
            let (first, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            var others: [TestConnection] = []
            for _ in 0..<20 {
                let client = try await gateway.connect()
                try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
                others.append(client)
            }
            // This request follows them on the same loop, so its response shows that they have been read.
            _ = try await gateway.get("/nothing")
            try await server.send(TestUpstream.ok("shared", headers: "Cache-Control: max-age=60\r\n"))
            for client in [first] + others {
                let answer = try await client.response()
                #expect(answer.text == "shared")
                await client.close()
            }
            #expect(upstream.acceptedCount == 1)
        }
    }

    @Test func waiterTakesOverWhenTheFirstClientLeaves() async throws {
        try await withProxy { configuration in
            configuration.routes[0].cache = .init()
        } _: { gateway, upstream in
            let (first, _) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            let second = try await gateway.connect()
            try await second.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await gateway.get("/nothing")
            await first.close()
            let server = try await upstream.accept()
            _ = try await server.request()
            try await server.send(TestUpstream.ok("second"))
            let answer = try await second.response()
            #expect(answer.text == "second")
            await second.close()
        }
    }

    @Test func waitersGiveUpAfterALimit() async throws {
        try await withProxy { configuration in
            configuration.routes[0].cache = .init()
            configuration.routes[0].cache?.wait = .milliseconds(100)
        } _: { gateway, upstream in
            let (first, _) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            let (second, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            try await server.send(TestUpstream.ok("second"))
            let answer = try await second.response()
            #expect(answer.text == "second")
            await first.close()
            await second.close()
        }
    }

    @Test func servesStaleWhenTheUpstreamFails() async throws {
        try await withCache(
            answer: { _, number in
                number == 1
                    ? TestUpstream.ok("kept", headers: "Cache-Control: max-age=10\r\nAge: 10\r\nETag: \"1\"\r\n")
                    : "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\noops"
            }, configure: { $0.cache?.staleIfError = .minutes(1) }
        ) { gateway, seen in
            for _ in 0..<3 {
                let answer = try await gateway.get("/c")
                #expect(answer.status == 200)
                #expect(answer.text == "kept")
            }
            #expect(seen.count == 3)
        }
        // If the response does not allow it, the client gets the failure.
        try await withCache(
            answer: { _, number in
                number == 1
                    ? TestUpstream.ok(
                        "kept", headers: "Cache-Control: max-age=10, must-revalidate\r\nAge: 10\r\nETag: \"1\"\r\n")
                    : "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\noops"
            }, configure: { $0.cache?.staleIfError = .minutes(1) }
        ) { gateway, _ in
            _ = try await gateway.get("/c")
            let failed = try await gateway.get("/c")
            #expect(failed.status == 503)
        }
    }

    @Test func servesStaleWhenTheUpstreamIsUnreachable() async throws {
        let upstream = try await TestUpstream.start()
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            configuration.routes[0].cache = .init()
            configuration.routes[0].cache?.staleIfError = .minutes(1)
        } _: { gateway in
            let (client, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            try await server.send(
                TestUpstream.ok("kept", headers: "Cache-Control: max-age=1\r\nAge: 1\r\nETag: \"1\"\r\n"))
            _ = try await client.response()
            await upstream.stop()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await server.request()
            await server.close()
            let answer = try await client.response()
            #expect(answer.text == "kept")
            #expect(answer["cache-status"]?.hasPrefix("martlet; fwd=stale") == true)
            await client.close()
        }
    }

    @Test(arguments: [
        "Range: bytes=0-1\r\n", "If-Match: \"1\"\r\n", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
    ])
    func someRequestsBypassTheCache(_ headers: String) async throws {
        try await withCache { gateway, seen in
            _ = try await gateway.get("/c")
            let answer = try await gateway.get("/c", headers: headers + "Accept-Encoding: gzip\r\n")
            #expect(answer.text == "answer 2")
            #expect(answer["cache-status"] == "martlet; fwd=bypass")
            #expect(seen.last?["accept-encoding"] == "gzip")
            let kept = try await gateway.get("/c")
            #expect(kept.text == "answer 1")
        }
    }

    @Test func honoursRequestDirectives() async throws {
        try await withCache { gateway, seen in
            let none = try await gateway.get("/c", headers: "Cache-Control: only-if-cached\r\n")
            #expect(none.status == 504)
            #expect(seen.count == 0)
            _ = try await gateway.get("/c")
            let kept = try await gateway.get("/c", headers: "Cache-Control: only-if-cached\r\n")
            #expect(kept.text == "answer 1")
            let fresh = try await gateway.get("/c", headers: "Cache-Control: no-cache\r\n")
            #expect(fresh.text == "answer 2")
            #expect(try await gateway.get("/c").text == "answer 2")
        }
    }

    @Test func doesNotStoreTruncatedResponses() async throws {
        try await withProxy { configuration in
            configuration.routes[0].cache = .init()
        } _: { gateway, upstream in
            for length in [10, 5] {
                let client = try await gateway.connect()
                try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
                // The first request stored nothing, so the second reaches the upstream too.
                let server = try await upstream.accept()
                _ = try await server.request()
                try await server.send(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: \(length)\r\n\r\nhello")
                _ = try await client.receive(until: "hello")
                await server.close()
                if length == 10 { try await client.untilClosed() }
                await client.close()
            }
            let kept = try await gateway.exchange("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(kept.text == "hello")
        }
    }

    @Test func forwardsOversizedResponsesUnstored() async throws {
        let body = String(repeating: "x", count: 3000)
        for framing in [
            "Content-Length: 3000\r\n\r\n\(body)", "Transfer-Encoding: chunked\r\n\r\nbb8\r\n\(body)\r\n0\r\n\r\n",
        ] {
            try await withCache(
                answer: { _, _ in "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n" + framing },
                configure: { $0.cache?.maximumBody = 2000 }
            ) { gateway, seen in
                for _ in 0..<2 {
                    let answer = try await gateway.get("/c")
                    #expect(answer.text == body)
                }
                #expect(seen.count == 2)
            }
        }
    }

    @Test func compressesStoredResponses() async throws {
        let body = String(repeating: "{\"name\":\"something\"},", count: 400)
        try await withCache(
            answer: { _, _ in
                TestUpstream.ok(
                    body, headers: "Cache-Control: max-age=60\r\nContent-Type: application/json\r\nETag: \"1\"\r\n")
            }, configure: { $0.policies.compression = .init() }
        ) { gateway, seen in
            for _ in 0..<2 {
                let compressed = try await gateway.get("/c", headers: "Accept-Encoding: gzip\r\n")
                #expect(compressed["content-encoding"] == "gzip")
                #expect(compressed["etag"] == "W/\"1\"")
                let content = try #require(Inflater.inflate(compressed.body)).content
                #expect(String(decoding: content, as: UTF8.self) == body)
                let plain = try await gateway.get("/c")
                #expect(plain.text == body)
            }
            let known = try await gateway.get("/c", headers: "Accept-Encoding: gzip\r\nIf-None-Match: W/\"1\"\r\n")
            #expect(known.status == 304)
            #expect(seen.count == 1)
        }
    }

    @Test func rewrittenRoutesHaveTheirOwnEntries() async throws {
        try await withProxy(answer: {
            TestUpstream.ok($0.startLine, headers: "Cache-Control: max-age=60\r\n")
        }) { configuration in
            configuration.routes[0].cache = .init()
        } _: { gateway, upstream in
            let first = try await gateway.get("/api/x")
            #expect(first.text == "GET /api/x HTTP/1.1")
            var configuration = GatewayConfiguration(port: 0)
            configuration.upstreams = [.init(name: "test", endpoints: [upstream.endpoint])]
            configuration.routes = [.init(.prefix("/api"), upstream: "test")]
            configuration.routes[0].cache = .init()
            configuration.routes[0].rewrite.addPrefix = "/v2"
            try await gateway.gateway.reload(configuration)
            let second = try await gateway.get("/api/x")
            #expect(second.text == "GET /v2/api/x HTTP/1.1")
        }
    }
}
