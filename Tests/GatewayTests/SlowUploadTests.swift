import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Clients that send bodies as slowly as possible to occupy the connections to an upstream.
@Suite struct SlowUploadTests {
    /// The peers are trusted proxies, so each test sets the client's address.
    private func withPool(
        connections: Int, waiting: Int = 1024,
        answer: @escaping @Sendable (TestMessage) -> String = { _ in TestUpstream.ok() },
        _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (GatewayFixture, TestUpstream) async throws -> Void
    ) async throws {
        try await withProxy(answer: answer) { configuration in
            configuration.trustedProxies = ["127.0.0.0/8"].compactMap { AddressRange($0) }
            configuration.upstreams[0].maximumConnections = connections
            configuration.upstreams[0].maximumWaiting = waiting
            configuration.timeouts.connect = .seconds(20)
            configuration.timeouts.linger = .milliseconds(20)
            configure(&configuration)
        } _: {
            try await body($0, $1)
        }
    }

    private func upload(_ client: String, length: Int? = nil) -> String {
        let framing = length.map { "Content-Length: \($0)" } ?? "Transfer-Encoding: chunked"
        return "POST /api/upload HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\(framing)\r\n\r\n"
    }

    /// A chunk larger than the buffer for the beginning of a body.
    private let beginning = "5000\r\n" + String(repeating: "x", count: 0x5000) + "\r\n"

    private func get(_ client: String) -> String {
        "GET /api/hello HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\r\n"
    }

    @Test(arguments: [false, true])
    func emptyUploadsTakeNoConnection(hasLength: Bool) async throws {
        try await withPool(connections: 1, answer: { _ in TestUpstream.ok() }, { $0.limits.bodyRate = 0 }) {
            gateway, upstream in
            var clients: [TestConnection] = []
            for _ in 0..<20 {
                let client = try await gateway.connect()
                try await client.send(upload("203.0.113.1", length: hasLength ? 1 << 20 : nil))
                clients.append(client)
            }
            for _ in 0..<20 {
                let answer = try await gateway.exchange(get("203.0.113.2"))
                #expect(answer.status == 200)
            }
            // No body has arrived, so one connection was enough.
            #expect(upstream.acceptedCount == 1)
            for client in clients { await client.close() }
        }
    }

    @Test func abortedUploadsTakeNoConnection() async throws {
        try await withPool(connections: 4, answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            for _ in 0..<200 {
                let client = try await gateway.connect()
                try await client.send(upload("203.0.113.1") + "5\r\nhello\r\n")
                await client.close()
            }
            let answer = try await gateway.exchange(get("203.0.113.2"))
            #expect(answer.status == 200)
            #expect(upstream.acceptedCount <= 2, "\(upstream.acceptedCount)")
        }
    }

    @Test func slowBodiesAreForwarded() async throws {
        try await withPool(connections: 1, answer: { TestUpstream.ok($0.text) }) { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + "5\r\nhello\r\n")
            // The wait for a short body ends.
            try await eventually("a connection for the body") { upstream.acceptedCount == 1 }
            try await client.send("6\r\n world\r\n0\r\n\r\n")
            let answer = try await client.response()
            #expect(answer.text == "hello world")
            await client.close()
        }
    }

    @Test(arguments: [
        ["203.0.113.1"], ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3"],
    ])
    func otherClientsGetTheirShareOfConnections(addresses: [String]) async throws {
        try await withPool(connections: 4, waiting: 6, answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            var clients: [TestConnection] = []
            for number in 0..<12 {
                let client = try await gateway.connect()
                try await client.send(upload(addresses[number % addresses.count]) + beginning)
                clients.append(client)
            }
            // Some hold all connections, some fill the queue, and the others have been refused.
            try await eventually("all connections") { upstream.acceptedCount >= 4 }
            for _ in 0..<5 {
                let answer = try await gateway.exchange(get("198.51.100.7"))
                #expect(answer.status == 200)
            }
            let count = gateway.metric("gateway_upstream_connections_taken_back_total")
            #expect(count?.hasSuffix(" 0") == false, "\(count ?? "")")
            for client in clients { await client.close() }
        }
    }

    @Test func http2StreamsAreHeldToTheirShare() async throws {
        try await withPool(connections: 4, answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            let taker = try await TestHTTP2Client.connect(gateway)
            for number in 0..<3 {
                let fields = TestHTTP2Client.fields("POST", "/api/upload") + [("x-forwarded-for", "203.0.113.1")]
                try await taker.request(1 + 2 * number, fields, endsStream: false)
                try await taker.data(1 + 2 * number, [UInt8](repeating: 0x78, count: 17_000), endsStream: false)
            }
            let more = try await gateway.connect()
            try await more.send(upload("203.0.113.1") + beginning)
            try await eventually("all connections") { upstream.acceptedCount >= 4 }
            let answer = try await gateway.exchange(get("198.51.100.7"))
            #expect(answer.status == 200)
            await more.close()
            await taker.connection.close()
        }
    }

    /// Slow readers occupy connections just as slow writers do.
    @Test func slowReadersGiveWay() async throws {
        let size = 16 << 20
        try await withPool(
            connections: 2,
            answer: { request in
                TestUpstream.ok(request.startLine.contains("hello") ? "hello" : String(repeating: "x", count: size))
            }
        ) { gateway, upstream in
            var clients: [TestConnection] = []
            for _ in 0..<2 {
                let client = try await gateway.connect(receiveBuffer: 8192)
                try await client.channel.setOption(.autoRead, value: false).get()
                try await client.send("GET /api/large HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
                clients.append(client)
            }
            try await eventually("all connections") { upstream.acceptedCount >= 2 }
            let answer = try await gateway.exchange(get("198.51.100.7"))
            #expect(answer.status == 200)
            for client in clients { await client.close() }
        }
    }

    @Test func enforcesTheMinimumBodyRate() async throws {
        try await withPool(
            connections: 1,
            {
                $0.timeouts.requestBody = .seconds(1)
                $0.limits.bodyRate = 10_000
            }
        ) { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + beginning)
            let dripping = Task {
                while !Task.isCancelled {
                    try await letTimePass(.milliseconds(50), because: "the rate of a body is timed on real sockets")
                    try await client.send("1\r\nx\r\n")
                }
            }
            let answer = try await client.response()
            #expect(answer.status == 408)
            dripping.cancel()
            await client.close()
        }
    }

    @Test func waitsForBodiesAboveTheMinimumRate() async throws {
        try await withPool(
            connections: 1, answer: { TestUpstream.ok("\($0.body.count)") },
            {
                $0.timeouts.requestBody = .milliseconds(200)
                $0.limits.bodyRate = 1
            }
        ) { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(upload("203.0.113.1") + beginning)
            // In total, far longer than the gateway waits for a stalled body.
            for _ in 0..<12 {
                try await letTimePass(.milliseconds(50), because: "the rate of a body is timed on real sockets")
                try await client.send("1\r\nx\r\n")
            }
            try await client.send("0\r\n\r\n")
            let answer = try await client.response()
            #expect(answer.text == "\(0x5000 + 12)")
            await client.close()
        }
    }
}
