import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Clients that close their side of the connection after the request.
@Suite struct HalfClosedTests {
    private func closeOutput(_ connection: TestConnection) async throws {
        try await connection.channel.close(mode: .output).get()
    }

    @Test(arguments: [1, 3])
    func answersEveryRequestBeforeTheHalfClose(_ count: Int) async throws {
        try await withProxy(configure: { $0.timeouts.halfClosed = .seconds(20) }) {
            gateway, upstream in
            let client = try await gateway.connect()
            for index in 0..<count { try await client.send("GET /api/\(index) HTTP/1.1\r\nHost: a\r\n\r\n") }
            try await closeOutput(client)
            let server = try await upstream.accept()
            for index in 0..<count {
                try await server.send(TestUpstream.ok(try await server.request().startLine))
                #expect(try await client.response().text == "GET /api/\(index) HTTP/1.1")
            }
            #expect(try await client.untilClosed() == "")
        }
    }

    @Test func sendsALargeResponseWhole() async throws {
        let body = String(repeating: "x", count: 4 << 20)
        try await withProxy(
            answer: { _ in TestUpstream.ok(body) }, configure: { $0.timeouts.halfClosed = .seconds(20) }
        ) {
            gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            try await closeOutput(client)
            #expect(try await client.response().body.count == body.utf8.count)
            try await client.untilClosed()
        }
    }

    @Test func doesNotWaitLongForAClosedClient() async throws {
        try await withProxy(configure: { $0.timeouts.halfClosed = .milliseconds(100) }) { gateway, upstream in
            let (client, server) = try await gateway.begin("GET /api HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            await client.close()
            try await server.untilClosed()
            // Requests are counted when the exchange ends, possibly after the upstream sees the end.
            func count() -> String? {
                gateway.metric("gateway_requests_total{method=\"GET\",route=\"/api\",status=\"499\"}")
            }
            try await eventually("the count") { count() != nil }
            #expect(count()?.hasSuffix(" 1") == true, "\(count() ?? "-")")
        }
    }

    @Test(arguments: ["", "GET /api HT", "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"])
    func closesOnAnIncompleteRequest(_ start: String) async throws {
        try await withProxy(answer: { _ in TestUpstream.ok() }, configure: { $0.timeouts.halfClosed = .seconds(20) }) {
            gateway, upstream in
            let client = try await gateway.connect()
            if !start.isEmpty { try await client.send(start) }
            try await closeOutput(client)
            #expect(try await client.untilClosed() == "")
        }
    }

    @Test func answersAnHTTP2Stream() async throws {
        try await withProxy(configure: { $0.timeouts.halfClosed = .seconds(20) }) {
            gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            await client.setOpensWindows(false)
            while await client.settings.isEmpty { try await client.readFrame() }
            try await client.request(1)
            try await closeOutput(client.connection)
            let server = try await upstream.accept()
            _ = try await server.request()
            try await server.send(TestUpstream.ok())
            #expect(try await client.response(1).text == "hello")
            try await client.connection.untilClosed()
        }
    }
}

/// 1xx responses from upstreams (RFC 9110 §15.2).
@Suite struct InterimAnswerTests {
    @Test func forwardsMany() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let server = try await client.begin(1, at: upstream)
            for _ in 0..<30 { try await server.send("HTTP/1.1 102 Processing\r\n\r\n") }
            try await server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + TestUpstream.ok())
            let response = try await client.response(1)
            #expect(response.status == 200 && response.text == "hello")
            #expect(response.interim == [Int](repeating: 102, count: 30) + [103])
            await client.close()
            let other = try await gateway.connect()
            try await other.send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await server.request()
            for _ in 0..<30 { try await server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
            try await server.send(TestUpstream.ok())
            for _ in 0..<30 { #expect(try await other.response().status == 103) }
            #expect(try await other.response().status == 200)
            await other.close()
        }
    }

    @Test func doNotExtendTheFirstByteTimeout() async throws {
        try await withProxy(configure: { $0.timeouts.firstByte = .milliseconds(300) }) { gateway, upstream in
            let (client, server) = try await gateway.begin("GET /api HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            let sending = Task { while true { try await server.send("HTTP/1.1 102 Processing\r\n\r\n") } }
            var status = 102
            while status == 102 { status = try await client.response().status }
            #expect(status == 504 || status == 502)
            sending.cancel()
            _ = await sending.result
            await client.close()
        }
    }
}
