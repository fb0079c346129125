import MartletCore
import NIOCore
import Testing

@testable import Gateway

@Suite struct RoutingTests {
    /// The log shows the client's path, however the route rewrites it and whoever responds.
    @Test func logsTheRequestedPath() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        let log = TestLog()
        try await withGateway(endpoint: upstream.endpoint, logger: log.logger) { configuration in
            configuration.accessLogSample = 1
            var moved = GatewayConfiguration.RouteRule(.prefix("/moved"), upstream: "test")
            moved.rewrite = .init(stripPrefix: "/moved")
            let nobody = Endpoint.tcp(host: "127.0.0.1", port: 1)
            configuration.upstreams.append(.init(name: "nobody", endpoints: [nobody]))
            configuration.routes += [moved, .init(.prefix("/lost"), upstream: "nobody")]
        } _: { gateway in
            for path in ["/api/x?secret=1", "/moved/x", "/lost/x", "/none"] { _ = try await gateway.get(path) }
        }
        let paths = log.entries.filter { $0.message == "request" }.compactMap { $0.metadata["path"] }
        #expect(paths == ["/api/x", "/moved/x", "/lost/x", "/none"])
        await upstream.stop()
    }

    private func withRoutes(
        _ routes: [GatewayConfiguration.RouteRule], _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok($0.startLine) }
        try await withGateway(endpoint: upstream.endpoint) {
            $0.routes = routes
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    private func responding(
        _ match: GatewayConfiguration.RouteRule.Match, _ body: String,
        _ change: (inout GatewayConfiguration.RouteRule) -> Void = { _ in }
    ) -> GatewayConfiguration.RouteRule {
        var route = GatewayConfiguration.RouteRule(match, action: .respond(.init(body: body)))
        change(&route)
        return route
    }

    @Test func choosesByHostMethodAndHeader() async throws {
        let routes = [
            responding(.prefix("/"), "any"), responding(.prefix("/"), "host") { $0.hosts = ["api.example.org"] },
            responding(.prefix("/"), "wildcard") { $0.hosts = ["*.example.org"] },
            responding(.prefix("/"), "version 2") { $0.headers = ["X-API-Version": "2"] },
            responding(.prefix("/m"), "post") { $0.methods = ["POST"] },
            responding(.prefix("/m"), "get") { $0.methods = ["GET"] },
        ]
        try await withRoutes(routes) { gateway in
            func ask(_ host: String, _ path: String = "/", _ method: String = "GET", _ headers: String = "")
                async throws
                -> TestMessage
            {
                try await gateway.exchange(
                    "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Length: 0\r\n\(headers)\r\n")
            }
            #expect(try await ask("x").text == "any")
            #expect(try await ask("API.example.org:80").text == "host")
            #expect(try await ask("b.example.org").text == "wildcard")
            #expect(try await ask("example.org").text == "any")
            #expect(try await ask("evilexample.org").text == "any")
            #expect(try await ask("x", "/", "GET", "x-api-version: 2\r\n").text == "version 2")
            #expect(try await ask("x", "/m").text == "get")
            #expect(try await ask("x", "/m/y", "POST").text == "post")
            let refused = try await ask("x", "/m", "DELETE")
            #expect(refused.text == "any")
        }
    }

    @Test func answers405ForOtherMethods() async throws {
        let routes = [
            responding(.exact("/m"), "post") { $0.methods = ["POST"] },
            responding(.exact("/m"), "get") { $0.methods = ["GET"] },
        ]
        try await withRoutes(routes) { gateway in
            let refused = try await gateway.exchange("DELETE /m HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(refused.status == 405)
            #expect(refused["allow"] == "GET, POST")
            #expect(try await gateway.exchange("HEAD /m HTTP/1.1\r\nHost: x\r\n\r\n", toHead: true).status == 200)
        }
    }

    @Test func rewritesRedirectsAndResponds() async throws {
        var stripped = GatewayConfiguration.RouteRule(.prefix("/old"), upstream: "test")
        stripped.rewrite = .init(stripPrefix: "/old", addPrefix: "/new")
        let redirect = GatewayConfiguration.RouteRule(
            .prefix("/go"), action: .redirect(.init(location: "https://example.org{path}{query}", status: 307)))
        let template = GatewayConfiguration.RouteRule(.template("/users/{id}/posts"), upstream: "test")
        try await withRoutes([stripped, redirect, template]) { gateway in
            #expect(try await gateway.get("/old/a%20b?x=%2F").text == "GET /new/a%20b?x=%2F HTTP/1.1")
            #expect(try await gateway.get("/old").text == "GET /new HTTP/1.1")
            let moved = try await gateway.get("/go/x?y=1")
            #expect(moved.status == 307)
            #expect(moved["location"] == "https://example.org/go/x?y=1")
            #expect(try await gateway.get("/users/7/posts").status == 200)
            #expect(try await gateway.get("/users/7/others").status == 404)
            #expect(try await gateway.get("/users//posts").status == 400)
        }
    }

    @Test func splitsByWeight() async throws {
        let one = try await TestUpstream.start { _ in TestUpstream.ok("one") }
        let two = try await TestUpstream.start { _ in TestUpstream.ok("two") }
        try await withGateway { configuration in
            configuration.upstreams = [
                .init(name: "one", endpoints: [one.endpoint]), .init(name: "two", endpoints: [two.endpoint]),
            ]
            configuration.routes = [
                GatewayConfiguration.RouteRule(
                    .prefix("/"),
                    action: .proxy([.init(upstream: "one", weight: 9), .init(upstream: "two", weight: 1)]))
            ]
        } _: { gateway in
            let client = try await gateway.connect()
            var second = 0
            for _ in 0..<500 {
                try await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                if try await client.response().text == "two" { second += 1 }
            }
            await client.close()
            // Six standard deviations around 50.
            #expect((10...90).contains(second), "\(second)")
        }
        await one.stop()
        await two.stop()
    }

    @Test func reloadsWithoutLosingARequest() async throws {
        try await withProxy(answer: { TestUpstream.ok($0.startLine) }) { gateway, upstream in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let client = try await gateway.connect()
                        var answered = 0
                        while !Task.isCancelled {
                            try await client.send("GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n")
                            guard try await client.response().status == 200 else { return -1 }
                            answered += 1
                        }
                        await client.close()
                        return answered
                    }
                }
                for number in 0..<100 {
                    var configuration = GatewayConfiguration(port: 0)
                    // Every second configuration has another upstream with new connections.
                    configuration.upstreams = [
                        .init(name: "test", endpoints: [upstream.endpoint], maximumConnections: 64 + number % 2)
                    ]
                    configuration.routes = [
                        GatewayConfiguration.RouteRule(.prefix("/api"), upstream: "test"),
                        responding(.exact("/n"), "\(number)"),
                    ]
                    try await gateway.gateway.reload(configuration)
                    if number % 25 == 0 { #expect(try await gateway.get("/n").text == "\(number)") }
                }
                await #expect(throws: GatewayError.self) {
                    var broken = GatewayConfiguration(port: 0)
                    broken.routes = [GatewayConfiguration.RouteRule(.prefix("/api"), upstream: "nowhere")]
                    try await gateway.gateway.reload(broken)
                }
                #expect(try await gateway.get("/n").text == "99")
                group.cancelAll()
                for try await answered in group { #expect(answered > 0) }
            }
        }
    }
}
