import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// Administration of a running gateway.
@Suite struct AdministrationTests {
    @Test func drainedEndpointFinishesItsRequestsAndGetsNoNewOnes() async throws {
        let (first, second) = (
            try await TestUpstream.start(), try await TestUpstream.start { _ in TestUpstream.ok("2") }
        )
        let base = Base()
        try await withGateway(
            endpoint: first.endpoint,
            configure: {
                $0.upstreams[0].endpoints.append(second.endpoint)
                base.configuration = $0
            }
        ) { gateway in
            // The first endpoint has a pending request and an idle connection.
            let busy = try await gateway.connect()
            try await busy.send("GET /api/busy HTTP/1.1\r\nHost: a\r\n\r\n")
            let working = try await first.accept()
            _ = try await working.request()
            #expect(try await gateway.get("/api/x").text == "2")
            async let answer = gateway.get("/api/x")
            let idle = try await first.accept()
            _ = try await idle.request()
            try await idle.send(TestUpstream.ok("1"))
            #expect(try await answer.text == "1")

            #expect(await gateway.gateway.setDrained(true, first.endpoint, of: "test"))
            try await idle.untilClosed()
            for _ in 0..<4 { #expect(try await gateway.get("/api/x").text == "2") }
            #expect(drained(gateway) == [true, false])
            try await working.send(TestUpstream.ok("busy"))
            #expect(try await busy.response().text == "busy")
            try await working.untilClosed()

            // Draining overrides the file.
            var changed = base.configuration
            changed.upstreams[0].breaker?.failures = 9
            changed.upstreams[0].weights = [5, 1]
            try await gateway.gateway.reload(changed)
            for _ in 0..<4 { #expect(try await gateway.get("/api/x").text == "2") }
            #expect(drained(gateway) == [true, false])

            #expect(await gateway.gateway.setDrained(true, second.endpoint, of: "test"))
            #expect(try await gateway.get("/api/x").status == 503)
            #expect(await gateway.gateway.setDrained(false, second.endpoint, of: "test"))
            #expect(try await gateway.get("/api/x").text == "2")
            #expect(await !gateway.gateway.setDrained(true, .tcp(host: "127.0.0.1", port: 1), of: "test"))
            #expect(await !gateway.gateway.setDrained(true, second.endpoint, of: "other"))
            await busy.close()
        }
        await first.stop()
        await second.stop()
    }

    /// The configuration at the start.
    private final class Base {
        var configuration = GatewayConfiguration()
    }

    private func drained(_ gateway: GatewayFixture) -> [Bool] {
        let endpoints = gateway.gateway.state["upstreams"]?.arrayValue?.first?["endpoints"]?.arrayValue ?? []
        return endpoints.compactMap { $0["is_drained"]?.boolValue }
    }

    @Test func drainingGatewayClosesConnectionsAfterTheirResponses() async throws {
        try await withProxy(answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            let (client, idle) = (try await gateway.connect(), try await gateway.connect())
            for connection in [client, idle] {
                try await connection.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.response()["connection"] == nil)
            }
            await gateway.gateway.setDraining(true)
            #expect(gateway.gateway.state["is_draining"] == true)
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.response()["connection"] == "close")
            try await client.untilClosed()
            try await idle.untilClosed()
            // No client is turned away.
            #expect(try await gateway.get("/api/x")["connection"] == "close")
            await gateway.gateway.setDraining(false)
            #expect(try await gateway.get("/api/x")["connection"] == nil)
        }
    }

    @Test func reportsHowManyClientsAreTracked() async throws {
        try await withProxy(
            answer: { _ in TestUpstream.ok() },
            configure: { $0.routes[0].policies.rateLimits = [.init(by: .header("X-Key"), requests: 9, per: .hours(1))] }
        ) { gateway, upstream in
            for key in ["a", "b", "a"] { _ = try await gateway.get("/api/x", headers: "X-Key: \(key)\r\n") }
            #expect(gateway.gateway.state["limits"]?["clients_remembered"]?.intValue == 2)
        }
    }

    @Test func actionsReceiveTheirBodies() async throws {
        try await withGateway(configure: { configuration in
            configuration.localRoutes["/both"] = { _ in .text("read") }
            configuration.localActions["/both"] = { .text("act " + String(decoding: $0.body, as: UTF8.self)) }
            configuration.localActions["/act"] = { .text($0.method) }
        }) { gateway in
            let client = try await gateway.connect()
            // In pieces, followed by the next request.
            try await client.send("POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
            try await client.send("worldGET /both HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.response().text == "act helloworld")
            #expect(try await client.response().text == "read")
            try await client.send("POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.response().text == "POST")
            await client.close()

            let get = try await gateway.get("/act")
            #expect(get.status == 405)
            #expect(get["allow"] == "POST")
            let delete = try await gateway.exchange("DELETE /both HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(delete["allow"] == "GET, HEAD, POST")
            let chunked = try await gateway.exchange(
                "POST /act HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            #expect(chunked.status == 411)
            let long = try await gateway.exchange("POST /act HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n")
            #expect(long.status == 413)
        }
    }

    @Test func secretsAreNotShown() {
        let shown = GatewayFile.redacted(
            """
            upstreams: {a: {endpoints: ["http://user:hidden@10.0.0.1:1"], balance: {consistent_hash: {cookie: session}}}}
            redis: {url: "redis://:hid/den+hidden=@10.0.0.2:6379/0", password: hidden}
            routes:
              - path: /@me
                headers: {X-Internal-Key: hidden}
                request_headers:
                  set: {Authorization: hidden, Apikey: hidden, X-Auth: hidden, X-Number: 4711}
                  add: {X-Internal-Key: hidden}
                  remove: [X-Gone]
                response_headers: {set: {X-A: "1"}}
                cors: {origins: ["https://o.example"], headers: [X-Allowed]}
                authentication:
                  jwt: {jwks: "https://issuer.example/jwks.json?key=hidden&v&b=1?c=hidden#hidden",
                    keys: [{algorithm: HS256, secret: hidden, kid: k}]}
                  api_keys: {header: X-API-Key, keys: [{name: robot, sha256: hidden, permissions: [p]}]}
                limits: [1, true, null]
            """)
        let text = String(decoding: shown.bytes, as: UTF8.self)
        for secret in ["hidden", "hid/den", "4711"] { #expect(!text.contains(secret), "\(text)") }
        for visible in [
            "https://issuer.example/jwks.json?key=***&***&b=***#***", "http://***@10.0.0.1:1",
            "redis://***@10.0.0.2:6379/0", "session", "X-API-Key", "robot", #""kid":"k""#,
            #""X-A":"1""#, "[1,true,null]", "/@me", #""Apikey":"***""#, "X-Gone", "X-Allowed", "https://o.example",
        ] { #expect(text.contains(visible), "\(visible) in \(text)") }
        #expect(GatewayFile.redacted("[") == .null)
    }
}
