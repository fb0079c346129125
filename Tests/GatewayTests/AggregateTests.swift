import Crypto
import MartletCore
import NIOCore
import Testing

@testable import Gateway

@Suite struct AggregateAnswerTests {
    private func plan(_ required: [String] = []) throws -> AggregatePlan {
        var aggregate = GatewayConfiguration.Aggregate()
        for name in ["a", "b\"", "c"] {
            var part = GatewayConfiguration.Aggregate.Part(
                name: name, upstream: "u", path: "/\(name == "c" ? "c" : "x")")
            part.isRequired = required.contains(name)
            aggregate.parts.append(part)
        }
        return try AggregatePlan(aggregate, match: .exact("/all"), upstreams: ["u": 0])
    }

    private func json(_ text: String) -> AggregateResponse.Outcome { .json(ByteBuffer(string: text)) }

    private func text(_ result: Result<ByteBuffer, Problem>?) -> String? {
        guard case .success(let body) = result else { return nil }
        return String(buffer: body)
    }

    private func status(_ result: Result<ByteBuffer, Problem>?) -> Int? {
        guard case .failure(let problem) = result else { return nil }
        return problem.status
    }

    @Test func joinsThePartsUnchanged() throws {
        var answer = AggregateResponse(try plan())
        #expect(answer.received(json("[1.00, 2e1]"), for: 2) == nil)
        #expect(answer.received(json(" {\"x\" : 1} "), for: 0) == nil)
        // Only the first result counts.
        #expect(answer.received(json("9"), for: 0) == nil)
        let result = answer.received(json("null"), for: 1)
        #expect(text(result) == #"{"a": {"x" : 1} ,"b\"":null,"c":[1.00, 2e1]}"#)
    }

    @Test func reportsMissingParts() throws {
        var answer = AggregateResponse(try plan())
        #expect(answer.received(.missing(.status(503)), for: 0) == nil)
        #expect(answer.received(.missing(.timeout), for: 1) == nil)
        let result = answer.received(json("1"), for: 2)
        #expect(
            text(result)
                == #"{"a":null,"b\"":null,"c":1,"missing":{"a":{"reason":"status","status":503},"b\"":{"reason":"timeout"}}}"#
        )
        let parsed = try JSONValue(parsing: Array((text(result) ?? "").utf8))
        #expect(parsed["missing"]?["a"]?["status"]?.intValue == 503)
    }

    @Test(arguments: [
        (AggregateResponse.Reason.timeout, 504), (.status(500), 502), (.status(404), 404), (.status(403), 403),
        (.status(401), 401), (.unavailable, 502), (.invalid, 502), (.tooLarge, 502),
    ])
    func failsAtOnceWhenARequiredPartFails(_ reason: AggregateResponse.Reason, _ expected: Int) throws {
        var answer = AggregateResponse(try plan(["c"]))
        let result = answer.received(.missing(reason), for: 2)
        #expect(status(result) == expected)
        #expect(answer.received(json("1"), for: 0) == nil)
    }

    @Test func failsWhenEveryPartFails() throws {
        for (reason, expected) in [(AggregateResponse.Reason.timeout, 504), (.invalid, 502)] {
            var answer = AggregateResponse(try plan())
            #expect(answer.received(.missing(.timeout), for: 0) == nil)
            #expect(answer.received(.missing(.timeout), for: 1) == nil)
            let result = answer.received(.missing(reason), for: 2)
            #expect(status(result) == expected)
        }
    }

    @Test func fillsPaths() throws {
        func fill(_ text: String, _ match: GatewayConfiguration.RouteRule.Match, _ path: String) throws -> String {
            let part = try #require(PartPath(text, of: match))
            return String(decoding: Array(path.utf8).withUnsafeBytes { part.fill($0) }, as: UTF8.self)
        }
        #expect(try fill("/u/{id}", .template("/a/{id}/all"), "/a/7/all") == "/u/7")
        #expect(try fill("/{x}/{id}/", .template("/a/{id}/{x}"), "/a/7%20/b") == "/b/7%20/")
        #expect(try fill("/u", .prefix("/a"), "/a/b") == "/u")
        for wrong in ["u", "", "/{no}", "/x{id}", "/u//x", "/../u", "/u?x", "/{id"] {
            #expect(PartPath(wrong, of: .template("/a/{id}")) == nil, "\(wrong)")
        }
        #expect(PartPath("/{a}", of: .exact("/{a}")) == nil)
    }
}

@Suite struct AggregateTests {
    private func withParts(
        users: TestUpstream, orders: TestUpstream,
        configure: (inout GatewayConfiguration.RouteRule, inout [GatewayConfiguration.Aggregate.Part]) -> Void = {
            _, _ in
        },
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        var parts: [GatewayConfiguration.Aggregate.Part] = [
            .init(name: "user", upstream: "users", path: "/users/{id}"),
            .init(name: "orders", upstream: "orders", path: "/orders"),
        ]
        var route = GatewayConfiguration.RouteRule(.template("/overview/{id}"), action: .respond(.init()))
        configure(&route, &parts)
        var aggregate = GatewayConfiguration.Aggregate()
        aggregate.parts = parts
        route.action = .aggregate(aggregate)
        try await withGateway { configuration in
            configuration.upstreams = [
                .init(name: "users", endpoints: [users.endpoint]), .init(name: "orders", endpoints: [orders.endpoint]),
            ]
            configuration.routes = [route]
        } _: {
            try await body($0)
        }
        await users.stop()
        await orders.stop()
    }

    private static func json(_ text: String, headers: String = "") -> String {
        TestUpstream.ok(text, headers: "Content-Type: application/json\r\n" + headers)
    }

    private func parsed(_ message: TestMessage) throws -> JSONValue { try JSONValue(parsing: message.body) }

    @Test func requestsPartsConcurrentlyAsTheCaller() async throws {
        let (users, orders) = (try await TestUpstream.start(), try await TestUpstream.start())
        try await withParts(users: users, orders: orders) { gateway in
            let client = try await gateway.connect()
            try await client.send(
                "GET /overview/7?page=2 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\nX-Request-ID: one\r\n"
                    + "Accept: text/html\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\nX-User-Id: 1\r\n\r\n")
            // Both requests are sent without waiting for a response.
            let (first, second) = (try await users.accept(), try await orders.accept())
            let (user, order) = (try await first.request(), try await second.request())
            #expect(user.startLine == "GET /users/7?page=2 HTTP/1.1")
            #expect(order.startLine == "GET /orders?page=2 HTTP/1.1")
            for request in [user, order] {
                #expect(request["authorization"] == "Bearer t")
                #expect(request.all("x-request-id") == ["one"])
                #expect(request.all("accept") == ["application/json"])
                #expect(request["accept-encoding"] == nil)
                #expect(request["if-none-match"] == nil)
                #expect(request["x-user-id"] == nil)
                #expect(request["x-forwarded-for"] == "127.0.0.1")
                #expect(request.all("host") == ["a"])
            }
            #expect(user["traceparent"] != nil)
            #expect(user["traceparent"] == order["traceparent"])
            try await second.send(Self.json("[ 1.50 ]"))
            try await first.send(Self.json("{\"id\":7}"))
            let answer = try await client.response()
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "application/json")
            #expect(answer["cache-control"] == "no-store")
            #expect(answer.text == "{\"user\":{\"id\":7},\"orders\":[ 1.50 ]}")
            // Both connections are reused.
            try await client.send("GET /overview/8 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await first.request().startLine == "GET /users/8 HTTP/1.1")
            _ = try await second.request()
            try await first.send(Self.json("8"))
            try await second.send(Self.json("[]"))
            #expect(try await client.response().text == "{\"user\":8,\"orders\":[]}")
            #expect(users.acceptedCount == 1)
            await client.close()
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx", #"{"reason":"status","status":503}"#),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", #"{"reason":"status","status":404}"#),
        (json("{\"a\":1,}"), #"{"reason":"invalid"}"#), (json("{\"a\":1,\"a\":2}"), #"{"reason":"invalid"}"#),
        (json("\u{0}"), #"{"reason":"invalid"}"#), (json("1} , {\"x\":1"), #"{"reason":"invalid"}"#),
        (json("1", headers: "Content-Encoding: br\r\n"), #"{"reason":"invalid"}"#),
        (TestUpstream.ok("1", headers: "Content-Type: text/html\r\n"), #"{"reason":"invalid"}"#),
        ("garbage\r\n\r\n", #"{"reason":"unavailable"}"#),
        (json("\"" + String(repeating: "x", count: 2000) + "\""), #"{"reason":"too_large"}"#),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"
                + String(repeating: " ", count: 2000) + "\r\n", #"{"reason":"too_large"}"#
        ),
    ])
    func reportsWhichPartIsMissingAndWhy(_ bad: String, _ reason: String) async throws {
        let users = try await TestUpstream.start { _ in Self.json("{\"id\":7}") }
        let orders = try await TestUpstream.start { _ in bad }
        try await withParts(users: users, orders: orders, configure: { $1[1].maximumBody = 1000 }) { gateway in
            let answer = try await gateway.get("/overview/7")
            #expect(answer.status == 200)
            #expect(answer.text == "{\"user\":{\"id\":7},\"orders\":null,\"missing\":{\"orders\":\(reason)}}")
        }
    }

    @Test func omitsSlowParts() async throws {
        let users = try await TestUpstream.start { _ in Self.json("1") }
        let orders = try await TestUpstream.start()
        try await withParts(users: users, orders: orders, configure: { $1[1].timeout = .milliseconds(100) }) {
            gateway in
            let client = try await gateway.connect()
            try await client.send("GET /overview/7 HTTP/1.1\r\nHost: a\r\n\r\n")
            let hung = try await orders.accept()
            let answer = try await client.response()
            #expect(try parsed(answer)["missing"]?["orders"]?["reason"]?.stringValue == "timeout")
            // The connection to the hung upstream is closed.
            _ = try await hung.untilClosed()
            await client.close()
        }
    }

    @Test func omitsUnreachableParts() async throws {
        let users = try await TestUpstream.start { _ in Self.json("1") }
        let orders = try await TestUpstream.start()
        await orders.stop()
        try await withParts(users: users, orders: orders) { gateway in
            let answer = try await gateway.get("/overview/7")
            #expect(try parsed(answer)["missing"]?["orders"]?["reason"]?.stringValue == "unavailable")
        }
    }

    @Test func doesNotWaitWhenARequiredPartFails() async throws {
        let users = try await TestUpstream.start { request in
            request.startLine.contains("/404 ")
                ? "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret"
                : "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
        }
        let orders = try await TestUpstream.start()
        try await withParts(users: users, orders: orders, configure: { $1[0].isRequired = true }) { gateway in
            for (id, status) in [("7", 502), ("404", 404)] {
                let answer = try await gateway.get("/overview/\(id)")
                #expect(answer.status == status)
                #expect(answer["content-type"] == "application/problem+json")
                #expect(!answer.text.contains("secret") && !answer.text.contains("127.0.0.1"))
            }
        }
    }

    @Test func clientDisconnectCancelsTheParts() async throws {
        let (users, orders) = (try await TestUpstream.start(), try await TestUpstream.start())
        try await withParts(users: users, orders: orders) { gateway in
            let client = try await gateway.connect()
            try await client.send("GET /overview/7 HTTP/1.1\r\nHost: a\r\n\r\n")
            let (first, second) = (try await users.accept(), try await orders.accept())
            _ = (try await first.request(), try await second.request())
            await client.close()
            _ = (try await first.untilClosed(), try await second.untilClosed())
        }
    }

    /// `/all` combines a user, answered automatically, and orders, which the test answers.
    private func withOrders(
        _ configure: (inout GatewayConfiguration.Upstream) -> Void,
        _ body: (GatewayFixture, TestUpstream) async throws -> Void
    ) async throws {
        let users = try await TestUpstream.start { _ in Self.json("1") }
        let orders = try await TestUpstream.start()
        try await withGateway { configuration in
            var upstream = GatewayConfiguration.Upstream(name: "orders", endpoints: [orders.endpoint])
            configure(&upstream)
            configuration.upstreams = [.init(name: "users", endpoints: [users.endpoint]), upstream]
            var aggregate = GatewayConfiguration.Aggregate()
            aggregate.parts = [
                .init(name: "user", upstream: "users", path: "/u"),
                .init(name: "orders", upstream: "orders", path: "/o"),
            ]
            configuration.routes = [.init(.exact("/all"), action: .aggregate(aggregate))]
        } _: {
            try await body($0, orders)
        }
        await users.stop()
        await orders.stop()
    }

    @Test func breakerStopsRequestsToAFailingUpstream() async throws {
        try await withOrders {
            $0.breaker?.failures = 2
            $0.breaker?.maximumEjected = 100
        } _: { gateway, orders in
            for _ in 0..<2 {
                let client = try await gateway.connect()
                try await client.send("GET /all HTTP/1.1\r\nHost: a\r\n\r\n")
                let server = try await orders.accept()
                _ = try await server.request()
                await server.close()
                _ = try await client.response()
                await client.close()
            }
            let answer = try await gateway.get("/all")
            #expect(answer.text == #"{"user":1,"orders":null,"missing":{"orders":{"reason":"unavailable"}}}"#)
            #expect(orders.acceptedCount == 2)
        }
    }

    @Test func partsCountAgainstTheUpstreamsLimit() async throws {
        try await withOrders {
            $0.concurrency = .init(limit: 1)
        } _: { gateway, orders in
            let client = try await gateway.connect()
            try await client.send("GET /all HTTP/1.1\r\nHost: a\r\n\r\n")
            let server = try await orders.accept()
            _ = try await server.request()
            let second = try await gateway.get("/all")
            #expect(second.text == #"{"user":1,"orders":null,"missing":{"orders":{"reason":"unavailable"}}}"#)
            try await server.send(Self.json("2"))
            let first = try await client.response()
            #expect(first.text == #"{"user":1,"orders":2}"#)
            // The limit has room again.
            try await client.send("GET /all HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await server.request()
            try await server.send(Self.json("3"))
            let third = try await client.response()
            #expect(third.text == #"{"user":1,"orders":3}"#)
            await client.close()
        }
    }

    @Test func allowsOnlyGetAndAppliesPolicies() async throws {
        let users = try await TestUpstream.start { _ in Self.json("1") }
        let orders = try await TestUpstream.start { _ in Self.json("\"" + String(repeating: "x", count: 4000) + "\"") }
        let keys = GatewayConfiguration.APIKeys(keys: [
            .init(name: "robot", digest: Array(SHA256.hash(data: Array("1".utf8))))
        ])
        try await withParts(
            users: users, orders: orders,
            configure: { route, _ in
                route.policies.authentication = .init(apiKeys: keys)
                route.policies.compression = .init()
            }
        ) { gateway in
            let refused = try await gateway.get("/overview/7")
            #expect(refused.status == 401)
            #expect(users.acceptedCount == 0)
            let post = try await gateway.exchange(
                "POST /overview/7 HTTP/1.1\r\nHost: a\r\nX-API-Key: 1\r\nContent-Length: 0\r\n\r\n")
            #expect(post.status == 405)
            #expect(post["allow"] == "GET")
            let answer = try await gateway.get("/overview/7", headers: "X-API-Key: 1\r\nAccept-Encoding: gzip\r\n")
            #expect(answer.status == 200)
            #expect(answer["content-encoding"] == "gzip")
            let content = try #require(Inflater.inflate(answer.body)).content
            #expect(try JSONValue(parsing: content)["user"]?.intValue == 1)
        }
    }
}
