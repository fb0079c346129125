import Gateway
import Logging
import MartletCore
import MartletSystem
import MartletTelemetry
import MartletTesting
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// Peers that are slow, do not accept, or abort. `Tests/Faults` has the same with processes under load.
@Suite(.serialized) struct FaultTests {
    @Test func skipsAndRemembersAnUnresponsiveEndpoint() async throws {
        let full = try FullListener()
        defer { full.end() }
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withGateway(
            endpoint: .tcp(host: "127.0.0.1", port: full.port),
            configure: { configuration in
                configuration.upstreams[0].endpoints.append(upstream.endpoint)
                configuration.upstreams[0].breaker?.failures = 1
                configuration.routes[0].timeouts.connect = .milliseconds(200)
            }
        ) { gateway in
            // Only the first request waits for the endpoint that does not accept.
            for _ in 0..<4 {
                let status = try await gateway.exchange("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
                    .status
                #expect(status == 200)
            }
            let state = String(decoding: gateway.gateway.state.bytes, as: UTF8.self)
            #expect(state.contains(#""breaker":"open""#))
        }
        await upstream.stop()
    }

    @Test func unresponsiveUpstreamIs504() async throws {
        let full = try FullListener()
        defer { full.end() }
        try await withGateway(
            endpoint: .tcp(host: "127.0.0.1", port: full.port),
            configure: { $0.routes[0].timeouts.connect = .milliseconds(200) }
        ) { gateway in
            let status = try await gateway.get("/api/x").status
            #expect(status == 504)
        }
    }

    @Test func shortBodyTakesNoConnectionUntilComplete() async throws {
        try await withProxy(answer: { TestUpstream.ok($0.text) }, configure: { $0.upstreams[0].maximumConnections = 1 })
        { gateway, upstream in
            let slow = try await gateway.connect()
            try await slow.send("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
            let other = try await gateway.get("/api/x").status
            #expect(other == 200)
            try await slow.send("worldGET /none HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try await slow.response().text
            #expect(answer == "helloworld")
            let next = try await slow.response().status
            #expect(next == 404)
            await slow.close()
        }
    }

    @Test func shortBodyTimesOut() async throws {
        try await withProxy(
            answer: { _ in TestUpstream.ok() }, configure: { $0.timeouts.requestBody = .milliseconds(100) }
        ) { gateway, upstream in
            let status = try await gateway.exchange(
                "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello"
            )
            .status
            #expect(status == 408)
            #expect(upstream.acceptedCount == 0)
        }
    }

    @Test func waitsForASlowReader() async throws {
        let size = 12 << 20
        try await withProxy(configure: { $0.timeouts.responseWrite = .milliseconds(250) }) { gateway, upstream in
            let client = try await gateway.connect(receiveBuffer: 8192)
            try await client.channel.setOption(.autoRead, value: false).get()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let server = try await upstream.accept()
            _ = try await server.request()
            let writing = Task {
                try await server.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                try await server.send([UInt8](repeating: 0x78, count: size))
            }
            // Far longer than the gateway waits for a stalled reader.
            for _ in 0..<10 {
                try await letTimePass(
                    .milliseconds(75), because: "how long a reader is waited for is timed on real sockets")
                client.channel.read()
            }
            try await client.channel.setOption(.autoRead, value: true).get()
            let received = try await client.response().body.count
            #expect(received == size)
            try await writing.value

            try await client.channel.setOption(.autoRead, value: false).get()
            try await client.send("GET /api/y HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await server.request()
            // Nothing is read, so the gateway aborts the connection.
            let unread = Task {
                try await server.send("HTTP/1.1 200 OK\r\nContent-Length: \(4 * size)\r\n\r\n")
                try await server.send([UInt8](repeating: 0x78, count: 4 * size))
            }
            try await server.untilClosed()
            await server.close()
            _ = await unread.result
            await client.close()
        }
    }

    /// HTTP/1.0 has no chunks, so the end of the connection would look like the end of the response.
    @Test func resetsTruncatedCloseDelimitedResponses() async throws {
        try await withProxy { gateway, upstream in
            let port = gateway.port
            let reading = Task.detached { try BlockingClient.readToEnd(port: port, "GET /api/x HTTP/1.0\r\n\r\n") }
            let server = try await upstream.accept()
            _ = try await server.request()
            try await server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await server.close()
            let error = try await reading.value
            #expect(error == ECONNRESET)
        }
    }

    @Test func shutdownAnswersEveryAcceptedConnection() async throws {
        var configuration = GatewayConfiguration(port: 0)
        configuration.routes = [.init(.exact("/"), action: .respond(.init(body: "hello")))]
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let gateway = try Gateway(
            configuration: configuration, metrics: MetricsRegistry(), logger: logger,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let port = try await gateway.bind().port ?? 0
        let group = ServiceGroup(services: [gateway], logger: logger)
        let running = Task { try await group.run() }
        let answered = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<16 {
                tasks.addTask {
                    while let client = try? await TestConnection.connect(port: port) {
                        try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        let text = try await client.response().text
                        #expect(text == "hello")
                        await client.close()
                        if answered.next() == 200 { await group.triggerGracefulShutdown() }
                    }
                }
            }
            try await tasks.waitForAll()
        }
        #expect(answered.next() > 200)
        try await running.value
    }
}

/// A listener with a full queue that accepts nothing: further connections get no response.
struct FullListener {
    let port: Int
    private var descriptors: [Int32] = []

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptors.append(listener)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 0) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw TestConnection.Failure(description: "cannot listen") }
        port = Int(UInt16(bigEndian: address.sin_port))
        // Fill the queue. Once it is full, connection attempts get no response.
        for _ in 0..<4 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            descriptors.append(client)
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(client, $0, length) }
            }
        }
    }

    func end() { for descriptor in descriptors { _ = close(descriptor) } }

    static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

private enum BlockingClient {
    /// - Returns: the error that ended reading; 0 for the end of the stream.
    static func readToEnd(port: Int, _ request: String) throws -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = close(client) }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = FullListener.loopback(UInt16(port))
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw TestConnection.Failure(description: "cannot connect") }
        let bytes = Array(request.utf8)
        _ = send(client, bytes, bytes.count, 0)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            if count == 0 { return 0 }
            if count < 0 { return errno }
        }
    }
}
