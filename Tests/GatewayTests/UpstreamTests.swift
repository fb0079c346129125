import MartletCore
import MartletSystem
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Upstreams with several endpoints, over real sockets.
@Suite struct UpstreamTests {
    private func withUpstream(
        _ endpoints: [Endpoint], upstream: (inout GatewayConfiguration.Upstream) -> Void = { _ in },
        route: (inout GatewayConfiguration.RouteRule) -> Void = { _ in }, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await withGateway { configuration in
            var test = GatewayConfiguration.Upstream(name: "test", endpoints: endpoints)
            upstream(&test)
            configuration.upstreams = [test]
            var api = GatewayConfiguration.RouteRule(.prefix("/api"), upstream: "test")
            route(&api)
            configuration.routes = [api]
        } _: {
            try await body($0)
        }
    }

    /// Waits until exactly these responses arrive.
    private func answers(_ gateway: GatewayFixture, become expected: Set<String>) async throws {
        try await eventually("\(expected)") {
            var answers: Set<String> = []
            for _ in 0..<4 { answers.insert(try await gateway.get("/api").text) }
            return answers == expected
        }
    }

    /// A port without a listener.
    /// An endpoint that refuses connections. Its port stays bound, so that no server of the test is given it.
    private final class DeadEndpoint {
        let endpoint: Endpoint
        private let descriptor: CInt

        init() throws {
            let (descriptor, port) = try FreePort.bound()
            self.descriptor = descriptor
            endpoint = .tcp(host: "127.0.0.1", port: port)
        }

        deinit { close(descriptor) }
    }

    @Test func skipsRefusingEndpoints() async throws {
        let dead = try DeadEndpoint()
        defer { withExtendedLifetime(dead) {} }
        let live = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withUpstream([dead.endpoint, live.endpoint]) { gateway in
            for _ in 0..<20 {
                // A refused connection is retried elsewhere for any method.
                let post = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
                let status = try await gateway.exchange(post).status
                #expect(status == 200)
            }
        }
        await live.stop()
    }

    @Test func retriesOnAnotherEndpoint() async throws {
        let asked = Shared(0)
        let bad = try await TestUpstream.start { _ in
            _ = asked.next()
            return TestUpstream.unavailable
        }
        let good = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withUpstream([bad.endpoint, good.endpoint]) {
            $0.breaker = nil
        } route: {
            $0.retries = .init()
        } _: { gateway in
            var statuses: [Int] = []
            for _ in 0..<4 { statuses.append(try await gateway.get("/api").status) }
            // The budget allows the first retries.
            #expect(statuses.prefix(2) == [200, 200])
            let before = asked.value
            let post = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
            var failures = 0
            for _ in 0..<4 where try await gateway.exchange(post).status == 503 { failures += 1 }
            // A request that may have had an effect is not retried.
            #expect(failures == 2 && asked.value == before + 2)
        }
        await bad.stop()
        await good.stop()
    }

    @Test func retriesStayWithinTheirBudget() async throws {
        let asked = Shared(0)
        let bad = try await TestUpstream.start { _ in
            _ = asked.next()
            return TestUpstream.unavailable
        }
        try await withUpstream([bad.endpoint]) {
            $0.breaker = nil
        } route: { route in
            route.retries = .init()
            route.retries?.attempts = 3
            route.retries?.backoff = .milliseconds(1)
        } _: { gateway in
            let client = try await gateway.connect()
            for _ in 0..<500 {
                try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try await client.response().status == 503)
            }
            await client.close()
        }
        // Eight percent, at least ten, and those gained within ten seconds.
        #expect(asked.value <= 575, "\(asked.value)")
        #expect(asked.value > 520, "\(asked.value)")
        await bad.stop()
    }

    @Test func doesNotResendAPostThatTheUpstreamHasRead() async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) { _ in
        } route: {
            $0.retries = .init()
        } _: { gateway in
            let client = try await gateway.connect()
            try await client.send("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            let connection = try await upstream.accept()
            #expect(try await connection.request().text == "ab")
            await connection.close()
            #expect(try await client.response().status == 502)
            await client.close()
            #expect(upstream.acceptedCount == 1)
        }
        await upstream.stop()
    }

    @Test func ejectsFailingEndpoints() async throws {
        let asked = Shared(0)
        let bad = try await TestUpstream.start { _ in
            _ = asked.next()
            return "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        }
        let good = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withUpstream([bad.endpoint, good.endpoint]) { upstream in
            upstream.breaker?.failures = 3
            upstream.breaker?.openFor = .hours(1)
        } _: { gateway in
            for _ in 0..<40 { _ = try await gateway.get("/api") }
            #expect(asked.value == 3)
        }
        await bad.stop()
        await good.stop()
    }

    @Test func openBreakerAnswersAtOnceAndRecovers() async throws {
        let (isWell, asked) = (Shared(false), Shared(0))
        let upstream = try await TestUpstream.start { _ in
            _ = asked.next()
            return isWell.value
                ? TestUpstream.ok() : TestUpstream.unavailable
        }
        try await withUpstream([upstream.endpoint]) { upstream in
            upstream.breaker?.failures = 2
            upstream.breaker?.openFor = .milliseconds(100)
            upstream.breaker?.maximumEjected = 100
        } _: { gateway in
            for _ in 0..<10 { #expect(try await gateway.get("/api").status == 503) }
            #expect(asked.value < 10)
            isWell.set(true)
            try await eventually("an answer") { try await gateway.get("/api").status == 200 }
            #expect(try await gateway.get("/api").status == 200)
        }
        await upstream.stop()
    }

    @Test func healthChecksRemoveAndRestoreEndpoints() async throws {
        let (isWell, asked) = (Shared(false), Shared(0))
        let first = try await TestUpstream.start { request in
            if request.startLine.contains("/health") {
                return isWell.value
                    ? TestUpstream.ok() : "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
            }
            _ = asked.next()
            return TestUpstream.ok("first")
        }
        let second = try await TestUpstream.start { _ in TestUpstream.ok("second") }
        try await withUpstream([first.endpoint, second.endpoint]) { upstream in
            var check = GatewayConfiguration.HealthCheck(path: "/health")
            check.interval = .milliseconds(20)
            check.unhealthyThreshold = 2
            upstream.health = check
        } _: { gateway in
            try await answers(gateway, become: ["second"])
            let before = asked.value
            for _ in 0..<10 { _ = try await gateway.get("/api") }
            #expect(asked.value == before)
            isWell.set(true)
            try await answers(gateway, become: ["first", "second"])
        }
        await first.stop()
        await second.stop()
    }

    @Test func endpointsWithoutHealthChecksAreHealthy() async throws {
        let upstream = try await TestUpstream.start { request in
            request.startLine.contains("/health")
                ? "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n" : TestUpstream.ok("sick")
        }
        let other = try await TestUpstream.start { _ in TestUpstream.ok("well") }
        var configuration = GatewayConfiguration(port: 0)
        try await withUpstream([upstream.endpoint, other.endpoint]) { upstream in
            var check = GatewayConfiguration.HealthCheck(path: "/health")
            check.interval = .milliseconds(20)
            upstream.health = check
            configuration.upstreams = [upstream]
        } route: {
            configuration.routes = [$0]
        } _: { gateway in
            try await answers(gateway, become: ["well"])
            configuration.upstreams[0].health = nil
            try await gateway.gateway.reload(configuration)
            try await answers(gateway, become: ["sick", "well"])
        }
        await upstream.stop()
        await other.stop()
    }

    /// More endpoints than a request remembers individually. Almost all refuse connections.
    @Test(arguments: [GatewayConfiguration.Balance.roundRobin, .consistentHash(.header("X-K"))])
    func triesABoundedNumberOfDeadEndpoints(_ balance: GatewayConfiguration.Balance) async throws {
        let dead = try (0..<80).map { _ in try DeadEndpoint() }
        defer { withExtendedLifetime(dead) {} }
        try await withUpstream(dead.map(\.endpoint)) {
            $0.balance = balance
            $0.breaker?.maximumEjected = 10
        } _: { gateway in
            for number in 0..<20 {
                let status = try await gateway.get("/api", headers: "X-K: \(number)\r\n").status
                #expect(status == 502 || status == 503)
            }
            let failed = gateway.metric("gateway_upstream_connect_errors_total{") ?? ""
            #expect(failed.split(separator: " ").last.flatMap { Int($0) } ?? .max <= 200, "\(failed)")
        }
    }

    @Test func countsRequestsInFlightUntilTheResponseEnds() async throws {
        let (first, second) = (try await TestUpstream.start(), try await TestUpstream.start())
        try await withUpstream([first.endpoint, second.endpoint]) {
            $0.balance = .leastConnections
        } _: { gateway in
            var clients: [TestConnection] = []
            var servers: [TestConnection] = []
            var accepted = [0, 0]
            for _ in 1...6 {
                let client = try await gateway.connect()
                try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                clients.append(client)
                try await eventually("a connection") { [first.acceptedCount, second.acceptedCount] != accepted }
                let server = try await (first.acceptedCount > accepted[0] ? first : second).accept()
                accepted = [first.acceptedCount, second.acceptedCount]
                _ = try await server.request()
                try await server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
                _ = try await client.receive(until: "ab")
                servers.append(server)
            }
            #expect(first.acceptedCount == 3 && second.acceptedCount == 3)
            for server in servers { try await server.send("cde") }
            for client in clients { _ = try await client.receive(until: "cde") }
            for client in clients { await client.close() }
        }
        await first.stop()
        await second.stop()
    }

    /// A client that sends its body too slowly is not the upstream's fault.
    @Test func slowUploadsDoNotOpenTheBreaker() async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) {
            $0.breaker?.failures = 1
            $0.breaker?.openFor = .hours(1)
            $0.breaker?.maximumEjected = 100
        } route: {
            $0.timeouts.total = .milliseconds(200)
        } _: { gateway in
            let slow = try await gateway.connect()
            // Enough of the body to open a connection.
            let beginning = String(repeating: "x", count: 20_000)
            try await slow.send("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n" + beginning)
            _ = try await upstream.accept()
            #expect(try await slow.response().status == 408)
            let (client, server) = try await gateway.begin("GET /api HTTP/1.1\r\nHost: x\r\n\r\n", at: upstream)
            try await server.send(TestUpstream.ok())
            #expect(try await client.response().status == 200)
            await client.close()
        }
        await upstream.stop()
    }

    /// The wait before a retry does not count towards the connect timeout.
    @Test func retryBackoffIsNotBoundByTheConnectTimeout() async throws {
        let asked = Shared(0)
        let upstream = try await TestUpstream.start { _ in
            asked.next() == 1 ? TestUpstream.unavailable : TestUpstream.ok()
        }
        try await withUpstream([upstream.endpoint]) { _ in
        } route: { route in
            route.timeouts.connect = .milliseconds(50)
            route.retries = .init()
            route.retries?.backoff = .milliseconds(600)
        } _: { gateway in
            let status = try await gateway.get("/api").status
            #expect(status == 200)
        }
        await upstream.stop()
    }

    /// Two endpoints close their idle connections just when a request is sent.
    @Test func retriesStaleConnectionsOfEveryEndpoint() async throws {
        let (first, second) = (try await TestUpstream.start(), try await TestUpstream.start())
        try await withUpstream([first.endpoint, second.endpoint]) {
            $0.breaker = nil
        } route: {
            $0.retries = .init()
            $0.retries?.backoff = .milliseconds(1)
        } _: { gateway in
            let client = try await gateway.connect()
            var used: [TestConnection] = []
            for upstream in [first, second] {
                try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                let server = try await upstream.accept()
                _ = try await server.request()
                try await server.send(TestUpstream.ok())
                #expect(try await client.response().status == 200)
                used.append(server)
            }
            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = try await used[0].request()
            // The connection was stale and the new one breaks too, so the other endpoint is next.
            await used[0].close()
            let broken = try await first.accept()
            _ = try await broken.request()
            await broken.close()
            _ = try await used[1].request()
            await used[1].close()
            let last = try await second.accept()
            _ = try await last.request()
            try await last.send(TestUpstream.ok("done"))
            #expect(try await client.response().text == "done")
            await client.close()
        }
        await first.stop()
        await second.stop()
    }

    @Test func totalTimeoutEndsARequest() async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) { _ in
        } route: { route in
            route.timeouts.total = .milliseconds(200)
        } _: { gateway in
            // All other limits are longer than the test's timeout.
            let status = try await gateway.get("/api").status
            #expect(status == 504)
        }
        await upstream.stop()
    }
}
