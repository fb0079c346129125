import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Retries of requests with a body, over real sockets.
@Suite struct RetryBodyTests {
    private func withUpstream(
        _ endpoints: [Endpoint], retry: (inout GatewayConfiguration.Retries) -> Void = { _ in },
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await withGateway { configuration in
            configuration.timeouts.linger = .milliseconds(50)
            var test = GatewayConfiguration.Upstream(name: "test", endpoints: endpoints)
            test.breaker = nil
            configuration.upstreams = [test]
            var api = GatewayConfiguration.RouteRule(.prefix("/api"), upstream: "test")
            var retries = GatewayConfiguration.Retries()
            retries.backoff = .milliseconds(1)
            retry(&retries)
            api.retries = retries
            configuration.routes = [api]
        } _: {
            try await body($0)
        }
    }

    private func request(_ method: String, _ body: String, headers: String = "Idempotency-Key: 1\r\n") -> String {
        "\(method) /api HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }

    private let long = String(repeating: "0123456789abcdef", count: 4096)

    @Test func resendsAShortBody() async throws {
        let bad = try await TestUpstream.start { _ in TestUpstream.unavailable }
        let good = try await TestUpstream.start { TestUpstream.ok($0.text) }
        try await withUpstream([bad.endpoint, good.endpoint]) { gateway in
            for _ in 0..<2 {
                let answer = try await gateway.exchange(request("PUT", long))
                #expect(answer.status == 200)
                #expect(answer.text == long)
            }
        }
        await bad.stop()
        await good.stop()
    }

    @Test func continuesAnArrivingBodyElsewhere() async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) { gateway in
            let client = try await gateway.connect()
            try await client.send(
                "PUT /api HTTP/1.1\r\nHost: x\r\nIdempotency-Key: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            )
            let first = try await upstream.accept()
            _ = try await first.receive(until: "5\r\nhello\r\n")
            await first.close()
            let second = try await upstream.accept()
            _ = try await second.receive(until: "\r\n\r\n5\r\nhello\r\n")
            try await client.send("6\r\n world\r\n0\r\n\r\n")
            _ = try await second.receive(until: "6\r\n world\r\n0\r\n\r\n")
            try await second.send(TestUpstream.ok("done"))
            #expect(try await client.response().text == "done")
            // No part of the body remains on either connection.
            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await second.request().startLine.hasPrefix("GET"))
            try await second.send(TestUpstream.ok("next"))
            #expect(try await client.response().text == "next")
            await client.close()
        }
        await upstream.stop()
    }

    @Test(arguments: [
        ("POST", "Idempotency-Key: 8e03978e\r\n", 2), ("PUT", "Idempotency-Key: 8e03978e\r\n", 2), ("POST", "", 1),
        ("PATCH", "", 1), ("PUT", "", 1), ("DELETE", "", 1), ("OPTIONS", "", 2),
    ])
    func resendsUnsafeRequestsOnlyWithAnIdempotencyKey(_ method: String, _ key: String, _ times: Int) async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) { gateway in
            let client = try await gateway.connect()
            try await client.send(request(method, "ab", headers: key))
            for time in 1...times {
                let connection = try await upstream.accept()
                let received = try await connection.request()
                #expect(received.text == "ab")
                #expect(received["idempotency-key"] == (key.isEmpty ? nil : "8e03978e"))
                if time < times {
                    // Read the request, then fail.
                    await connection.close()
                } else if times == 1 {
                    await connection.close()
                    #expect(try await client.response().status == 502)
                } else {
                    try await connection.send(TestUpstream.ok("done"))
                    #expect(try await client.response().text == "done")
                }
            }
            await client.close()
            #expect(upstream.acceptedCount == times)
        }
        await upstream.stop()
    }

    @Test(arguments: [true, false])
    func doesNotResendALongBody(_ isAnnounced: Bool) async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) {
            $0.maximumBody = long.utf8.count - 1
        } _: { gateway in
            let client = try await gateway.connect()
            if isAnnounced {
                try await client.send(request("PUT", long))
            } else {
                let size = String(long.utf8.count, radix: 16)
                try await client.send(
                    "PUT /api HTTP/1.1\r\nHost: x\r\nIdempotency-Key: 1\r\nTransfer-Encoding: chunked\r\n\r\n\(size)\r\n\(long)\r\n0\r\n\r\n"
                )
            }
            let connection = try await upstream.accept()
            _ = try await connection.request()
            await connection.close()
            #expect(try await client.response().status == 502)
            await client.close()
            #expect(upstream.acceptedCount == 1)
        }
        await upstream.stop()
    }

    /// The upstream closes an idle connection just when the next request is sent on it.
    @Test func staleConnectionLosesNoBody() async throws {
        let upstream = try await TestUpstream.start()
        try await withUpstream([upstream.endpoint]) {
            $0.attempts = 0
        } _: { gateway in
            let (client, connection) = try await gateway.begin(request("PUT", "first"), at: upstream)
            try await connection.send(TestUpstream.ok())
            #expect(try await client.response().status == 200)
            try await client.send(request("PUT", "second"))
            #expect(try await connection.request().text == "second")
            await connection.close()
            let next = try await upstream.accept()
            #expect(try await next.request().text == "second")
            try await next.send(TestUpstream.ok("done"))
            #expect(try await client.response().text == "done")
            await client.close()
        }
        await upstream.stop()
    }

    @Test func bodyRetriesStayWithinTheBudget() async throws {
        let asked = Shared(0)
        let bad = try await TestUpstream.start { _ in
            _ = asked.next()
            return TestUpstream.unavailable
        }
        try await withUpstream([bad.endpoint]) {
            $0.attempts = 3
        } _: { gateway in
            let client = try await gateway.connect()
            for _ in 0..<300 {
                try await client.send(request("PUT", "body"))
                #expect(try await client.response().status == 503)
            }
            await client.close()
        }
        #expect((310...350).contains(asked.value), "\(asked.value)")
        await bad.stop()
    }

    /// More than the buffer of an event loop holds, one after the other.
    @Test func releasesBufferedBodies() async throws {
        let asked = Shared(0)
        let upstream = try await TestUpstream.start { request in
            asked.next() == 301 ? "garbage\r\n\r\n" : TestUpstream.ok("\(request.body.count)")
        }
        try await withUpstream([upstream.endpoint]) { gateway in
            let client = try await gateway.connect()
            for _ in 0..<301 {
                try await client.send(request("PUT", long))
                let answer = try await client.response()
                #expect(answer.status == 200 && answer.text == "65536")
            }
            await client.close()
            #expect(asked.value == 302)
        }
        await upstream.stop()
    }
}
