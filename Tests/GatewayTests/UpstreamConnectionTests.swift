import Logging
import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// The lifetime of upstream connections, and the errors of broken ones.
@Suite struct UpstreamConnectionTests {
    private func withUpstream(
        _ log: TestLog? = nil, _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (GatewayFixture, TestUpstream) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start()
        try await withGateway(endpoint: upstream.endpoint, logger: log?.logger) { configuration in
            configuration.timeouts.linger = .milliseconds(20)
            configure(&configuration)
        } _: {
            try await body($0, upstream)
        }
        await upstream.stop()
    }

    private let request = "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"

    @Test func closesIdleConnectionsBeforeTheServiceDoes() async throws {
        try await withUpstream(
            nil,
            {
                $0.timeouts.upstreamIdle = .hours(1)
                $0.upstreams[0].keepAlive.idle = .milliseconds(50)
            }
        ) { gateway, upstream in
            let (client, server) = try await gateway.begin(request, at: upstream)
            try await server.send(TestUpstream.ok())
            _ = try await client.response()
            try await server.untilClosed()
            await client.close()
        }
    }

    @Test(arguments: ["timeout=0", "timeout=1"])
    func honoursKeepAliveOfTheUpstream(field: String) async throws {
        try await withUpstream(nil, { $0.timeouts.upstreamIdle = .hours(1) }) { gateway, upstream in
            let (client, server) = try await gateway.begin(request, at: upstream)
            try await server.send(TestUpstream.ok(headers: "Keep-Alive: \(field), max=100\r\n"))
            _ = try await client.response()
            // Closed by the gateway, although it could stay idle for an hour.
            try await server.untilClosed()
            await client.close()
        }
    }

    @Test func closesConnectionsAtMaximumAge() async throws {
        try await withUpstream(nil, { $0.upstreams[0].keepAlive.maximumAge = .nanoseconds(1) }) {
            gateway, upstream in
            let (client, server) = try await gateway.begin(request, at: upstream)
            // The connection has reached its maximum age, so it is closed after this use.
            try await server.send(TestUpstream.ok())
            _ = try await client.response()
            try await server.untilClosed()
            try await client.send(request)
            let second = try await upstream.accept()
            _ = try await second.request()
            try await second.send(TestUpstream.ok())
            let status = try await client.response().status
            #expect(status == 200)
            await client.close()
        }
    }

    @Test func unrepeatableRequestsAvoidClosedConnections() async throws {
        try await withUpstream { gateway, upstream in
            let client = try await gateway.connect()
            for _ in 0..<20 {
                try await client.send(request)
                let server = try await upstream.accept()
                _ = try await server.request()
                try await server.send(TestUpstream.ok())
                let response = try await client.response()
                #expect(response.status == 200)
                try await server.channel.close().get()
                // The close and the next request cross.
            }
            await client.close()
        }
    }

    private func fault(in log: TestLog) -> TestLog.Entry? {
        log.entries.first { $0.message == "upstream request failed" }
    }

    @Test(arguments: [
        ("", "closed without a response", 502),
        ("HTTP/1.1 200 OK\r\nConte", "closed in the middle of a head", 502),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "more than one Content-Length", 502),
        ("HTTP/1.1 200 OK\r\nA: b\u{1}\r\n\r\n", "control character", 502),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "closed after 2 of 10 bytes", 200),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
            "closed after 2 bytes of a chunked body", 200
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "unexpected 101", 502),
    ])
    func logsTheFaultInOneLine(answer: String, reason: String, status: Int) async throws {
        let log = TestLog()
        try await withUpstream(log) { gateway, upstream in
            let (client, server) = try await gateway.begin(request, at: upstream)
            try await server.send(answer)
            await server.close()
            let head = try await client.receive(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 \(status) "))
            if status == 200 { try await client.untilClosed() }
            let entry = try #require(fault(in: log), "\(log.messages)")
            #expect(entry.metadata["upstream"] == "test")
            #expect(entry.metadata["endpoint"] == "\(upstream.endpoint)")
            #expect(entry.metadata["connection"] == "new")
            #expect(entry.metadata["reason"]?.contains(reason) == true, "\(entry.metadata)")
            let id = try #require(entry.metadata["request_id"])
            #expect(head.contains("X-Request-ID: \(id)"))
            #expect(log.messages.count { $0 == entry.message } == 1)
            let outcome = status == 200 ? "truncated" : "failed"
            for name in ["succeeded", "truncated", "failed"] {
                let prefix =
                    "gateway_upstream_attempts_total{upstream=\"test\",endpoint=\"\(upstream.endpoint)\",outcome=\"\(name)\"}"
                #expect(gateway.metric(prefix) == "\(prefix) \(name == outcome ? 1 : 0)")
            }
            await client.close()
        }
    }

    @Test func logsThatTheConnectionWasReused() async throws {
        let log = TestLog()
        try await withUpstream(log) { gateway, upstream in
            let (client, server) = try await gateway.begin(request, at: upstream)
            try await server.send(TestUpstream.ok())
            _ = try await client.response()
            try await client.send(request)
            _ = try await server.request()
            await server.close()
            let status = try await client.response().status
            #expect(status == 502)
            #expect(fault(in: log)?.metadata["connection"] == "reused")
            let prefix = "gateway_upstream_stale_connections_total{upstream=\"test\",outcome=\"failed\"}"
            #expect(gateway.metric(prefix) == "\(prefix) 1")
            await client.close()
        }
    }

    @Test func allowsRetriesAtLowTrafficAndCountsRefusedOnes() async throws {
        let count = Shared(0)
        try await withProxy(answer: { _ in
            count.next() % 2 == 1
                ? TestUpstream.unavailable : TestUpstream.ok()
        }) { configuration in
            configuration.upstreams[0].breaker = nil
            configuration.routes[0].retries = .init()
            configuration.routes[0].retries?.attempts = 2
            configuration.routes[0].retries?.backoff = .milliseconds(1)
        } _: { gateway, upstream in
            var failed = 0
            for _ in 0..<8 where try await gateway.get("/api/x").status != 200 { failed += 1 }
            #expect(failed == 0)
            for _ in 0..<60 where try await gateway.get("/api/x").status != 200 { failed += 1 }
            #expect(failed > 0)
            let prefix = "gateway_upstream_retries_total{upstream=\"test\",outcome=\"refused\"}"
            #expect(gateway.metric(prefix) == "\(prefix) \(failed)")
            let state = String(decoding: gateway.gateway.state.bytes, as: UTF8.self)
            #expect(state.contains("\"refused\":\(failed)"))
        }
    }
}
