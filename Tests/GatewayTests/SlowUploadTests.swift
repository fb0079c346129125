import NIOCore
import Testing

@testable import Gateway

/// Clients that send their bodies as slowly as they can, to keep the connections to an upstream from others.
@Suite struct SlowUploadTests {
    /// The peers of these tests say themselves who they are.
    private func withPool(
        _ upstream: TestUpstream, connections: Int, waiting: Int = 1024,
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            configuration.trustedProxies = ["127.0.0.0/8"].compactMap { AddressRange($0) }
            configuration.upstreams[0].maximumConnections = connections
            configuration.upstreams[0].maximumWaiting = waiting
            configuration.timeouts.connect = .seconds(20)
            configuration.timeouts.linger = .milliseconds(20)
            configure(&configuration)
        } _: {
            try await body($0)
        }
    }

    private func upload(_ client: String, length: Int? = nil) -> String {
        let framing = length.map { "Content-Length: \($0)" } ?? "Transfer-Encoding: chunked"
        return "POST /api/upload HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\(framing)\r\n\r\n"
    }

    /// A chunk that is longer than what is gathered.
    private let beginning = "5000\r\n" + String(repeating: "x", count: 0x5000) + "\r\n"

    private func get(_ client: String) -> String {
        "GET /api/hello HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\r\n"
    }

    @Test(arguments: [false, true])
    func whoSendsNothingOrNextToNothingTakesNoConnection(hasLength: Bool) async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withPool(upstream, connections: 1, { $0.limits.bodyRate = 0 }) { gateway in
            var clients: [TestConnection] = []
            for _ in 0..<20 {
                let client = try await gateway.connect()
                try await client.send(upload("203.0.113.1", length: hasLength ? 1 << 20 : nil))
                clients.append(client)
            }
            let started = ContinuousClock.now
            for _ in 0..<20 {
                let answer = try await gateway.exchange(get("203.0.113.2"))
                #expect(answer.status == 200)
            }
            // Whatever their bodies, none of them is there yet: one connection was enough.
            #expect(ContinuousClock.now - started < .seconds(5))
            #expect(upstream.acceptedCount == 1)
            for client in clients { await client.close() }
        }
        await upstream.stop()
    }

    @Test func whoBreaksOffAtOnceTakesNoConnection() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withPool(upstream, connections: 4) { gateway in
            for _ in 0..<200 {
                let client = try await gateway.connect()
                try await client.send(upload("203.0.113.1") + "5\r\nhello\r\n")
                await client.close()
            }
            let answer = try await gateway.exchange(get("203.0.113.2"))
            #expect(answer.status == 200)
            #expect(upstream.acceptedCount <= 2, "\(upstream.acceptedCount)")
        }
        await upstream.stop()
    }

    @Test func aBodyThatComesSlowlyIsSentOnAllTheSame() async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok($0.text) }
        try await withPool(upstream, connections: 1) { gateway in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + "5\r\nhello\r\n")
            try await Task.sleep(for: .milliseconds(700))
            try await client.send("6\r\n world\r\n0\r\n\r\n")
            let answer = try await client.response()
            #expect(answer.text == "hello world")
            await client.close()
        }
        await upstream.stop()
    }

    @Test(arguments: [
        ["203.0.113.1"], ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3"],
    ])
    func othersGetTheirShareOfTheConnections(addresses: [String]) async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withPool(upstream, connections: 4, waiting: 6) { gateway in
            var clients: [TestConnection] = []
            for number in 0..<12 {
                let client = try await gateway.connect()
                try await client.send(upload(addresses[number % addresses.count]) + beginning)
                clients.append(client)
            }
            // Some hold all connections, and some the whole queue; the others have been refused.
            while upstream.acceptedCount < 4 { try await Task.sleep(for: .milliseconds(5)) }
            try await Task.sleep(for: .milliseconds(1200))
            let started = ContinuousClock.now
            for _ in 0..<5 {
                let answer = try await gateway.exchange(get("198.51.100.7"))
                #expect(answer.status == 200)
            }
            #expect(ContinuousClock.now - started < .seconds(10))
            let count = gateway.metric("gateway_upstream_connections_taken_back_total")
            #expect(count?.hasSuffix(" 0") == false, "\(count ?? "")")
            for client in clients { await client.close() }
        }
        await upstream.stop()
    }

    @Test func streamsOfHTTP2AreHeldToTheSame() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withPool(upstream, connections: 4) { gateway in
            let taker = try await TestHTTP2Client.connect(gateway)
            for number in 0..<3 {
                let fields = TestHTTP2Client.fields("POST", "/api/upload") + [("x-forwarded-for", "203.0.113.1")]
                try await taker.request(1 + 2 * number, fields, endsStream: false)
                try await taker.data(1 + 2 * number, [UInt8](repeating: 0x78, count: 17_000), endsStream: false)
            }
            let more = try await gateway.connect()
            try await more.send(upload("203.0.113.1") + beginning)
            while upstream.acceptedCount < 4 { try await Task.sleep(for: .milliseconds(5)) }
            try await Task.sleep(for: .milliseconds(1200))
            let answer = try await gateway.exchange(get("198.51.100.7"))
            #expect(answer.status == 200)
            await more.close()
            await taker.connection.close()
        }
        await upstream.stop()
    }

    /// Slow readers hold connections as slow writers do.
    @Test func whoTakesItsAnswerSlowlyGivesWayToo() async throws {
        let size = 16 << 20
        let upstream = try await TestUpstream.start { request in
            request.startLine.contains("hello")
                ? TestUpstream.ok() : TestUpstream.ok(String(repeating: "x", count: size))
        }
        try await withPool(upstream, connections: 2) { gateway in
            var clients: [TestConnection] = []
            for _ in 0..<2 {
                let client = try await gateway.connect(receiveBuffer: 8192)
                try await client.channel.setOption(.autoRead, value: false).get()
                try await client.send("GET /api/large HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
                clients.append(client)
            }
            while upstream.acceptedCount < 2 { try await Task.sleep(for: .milliseconds(5)) }
            let answer = try await gateway.exchange(get("198.51.100.7"))
            #expect(answer.status == 200)
            for client in clients { await client.close() }
        }
        await upstream.stop()
    }

    @Test func aBodyHasToComeAtALeastRate() async throws {
        let upstream = try await TestUpstream.start()
        try await withPool(
            upstream, connections: 1,
            {
                $0.timeouts.requestBody = .seconds(1)
                $0.limits.bodyRate = 10_000
            }
        ) { gateway in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + beginning)
            let dripping = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(50))
                    try await client.send("1\r\nx\r\n")
                }
            }
            let answer = try await client.response()
            #expect(answer.status == 408)
            dripping.cancel()
            await client.close()
        }
        await upstream.stop()
    }

    @Test func whoSendsFastEnoughIsWaitedFor() async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok("\($0.body.count)") }
        try await withPool(
            upstream, connections: 1,
            {
                $0.timeouts.requestBody = .milliseconds(200)
                $0.limits.bodyRate = 1
            }
        ) { gateway in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + beginning)
            for _ in 0..<20 {
                try await Task.sleep(for: .milliseconds(50))
                try await client.send("1\r\nx\r\n")
            }
            try await client.send("0\r\n\r\n")
            let answer = try await client.response()
            #expect(answer.text == "\(0x5000 + 20)")
            await client.close()
        }
        await upstream.stop()
    }
}
