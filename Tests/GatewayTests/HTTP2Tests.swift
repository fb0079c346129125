import Foundation
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// HTTP/2 without TLS, with a client that shares almost no code with the gateway.
@Suite struct HTTP2Tests {
    private static func echo(_ request: TestMessage) -> String {
        let fields = request.headers.map { "\($0.name.lowercased()): \($0.value)" }.joined(separator: "\n")
        return TestUpstream.ok("\(request.startLine)\n\(fields)\n\n\(request.text)", headers: "X-From: upstream\r\n")
    }

    @Test func answersConcurrentStreams() async throws {
        try await withProxy(answer: Self.echo) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let streams = Array(stride(from: 1, to: 80, by: 2))
            for stream in streams { try await client.request(stream, TestHTTP2Client.fields("GET", "/api/\(stream)")) }
            for stream in streams {
                let response = try await client.response(stream)
                #expect(response.status == 200)
                #expect(response.text.hasPrefix("GET /api/\(stream) HTTP/1.1\nhost: example.com\n"))
            }
            let response = await client.received(1)
            #expect(response["x-from"] == "upstream")
            #expect(response["x-request-id"]?.count == 32)
            #expect(response["date"] != nil)
            #expect(response["connection"] == nil)
            #expect(response.text.contains("x-forwarded-proto: http\n"))
            #expect(response.text.contains("x-forwarded-for: 127.0.0.1\n"))
            #expect(await client.settings[3] == 100)
            #expect(gateway.metric("gateway_connections")?.hasSuffix(" 1") == true)
            // A response is counted when it has been written, possibly after it is read here.
            try await client.ping()
            let counted = gateway.metric("gateway_requests_total{method=\"GET\",route=\"/api\",status=\"200\"}")
            #expect(counted?.hasSuffix(" 40") == true, "\(counted ?? "-")")
            await client.close()
        }
    }

    @Test func forwardsBodiesOfKnownAndUnknownLength() async throws {
        try await withProxy(answer: Self.echo) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 % 26 + 97) }
            for (stream, length) in [(1, body.count), (3, nil)] {
                var fields = TestHTTP2Client.fields("POST") + [("cookie", "a=1"), ("cookie", "b=2")]
                if let length { fields.append(("content-length", String(length))) }
                try await client.request(stream, fields, endsStream: false)
                try await client.data(stream, body)
                let response = try await client.response(stream)
                #expect(response.status == 200)
                #expect(response.text.contains("\ncookie: a=1; b=2\n"))
                #expect(response.text.contains("\ntransfer-encoding: chunked\n") == (length == nil))
                #expect(response.text.hasSuffix("\n\n" + String(decoding: body, as: UTF8.self)))
            }
            // Trailers also end a body.
            try await client.request(5, TestHTTP2Client.fields("POST"), endsStream: false)
            try await client.data(5, Array("abc".utf8), endsStream: false)
            try await client.send(
                TestHTTP2Client.FrameType.headers, flags: 5, stream: 5,
                payload: try await client.encode([("x-sum", "1")]))
            let response = try await client.response(5)
            #expect(response.text.hasSuffix("\n\nabc"))
            #expect(!response.text.contains("x-sum"))
            await client.close()
        }
    }

    /// The content of a body is never parsed as one of the gateway's frames.
    @Test(arguments: [
        "abc\u{7}" + String(repeating: "x", count: 40), "abc\u{3}xxxxx\0\0\0\u{1}",
        String(repeating: "\u{7}", count: 1 << 20),
        String(repeating: "\u{3}", count: 13),
    ])
    func forwardsBodiesThatLookLikeFrames(body: String) async throws {
        try await withProxy(answer: { _ in TestUpstream.ok(body) }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            for stream in [1, 3, 5] {
                try await client.request(stream)
                let response = try await client.response(stream)
                #expect(response.status == 200 && response.reset == nil)
                #expect(response.text == body)
            }
            for scope in ["connection", "stream"] {
                let violations = gateway.metric(#"gateway_http2_violations_total{scope="\#(scope)"}"#)
                #expect(violations?.hasSuffix(" 0") == true, "\(violations ?? "-")")
            }
            await client.close()
        }
    }

    @Test func forwardsLargeBodies() async throws {
        var random = SeededRandom(seed: 1)
        let bytes = random.bytes(6 << 20).map { $0 & 0x7F }
        let body = String(decoding: bytes, as: UTF8.self)
        try await withProxy(answer: { _ in TestUpstream.ok(body) }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1)
            let response = try await client.response(1)
            #expect(response.reset == nil && response.body == bytes)
            await client.close()
        }
    }

    /// The reader's windows open slowly but continuously.
    @Test func waitsForAReaderWhoseWindowOpensSlowly() async throws {
        let body = String(repeating: "x", count: 300_000)
        try await withProxy(
            answer: { _ in TestUpstream.ok(body) }, configure: { $0.timeouts.responseWrite = .milliseconds(250) }
        ) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway, window: 1000)
            try await client.request(1)
            // Far longer than the gateway waits for a stalled reader.
            for _ in 0..<10 {
                try await letTimePass(
                    .milliseconds(75), because: "how long a reader is waited for is timed on real sockets")
                try await client.windowUpdate(1, 1000)
            }
            try await client.windowUpdate(0, 1 << 20)
            try await client.windowUpdate(1, 1 << 20)
            let response = try await client.response(1)
            #expect(response.reset == nil && response.text == body)
            // Progress on other streams does not count.
            try await client.request(3)
            try await client.request(5)
            for _ in 0..<10 {
                try await letTimePass(
                    .milliseconds(75), because: "how long a reader is waited for is timed on real sockets")
                try await client.windowUpdate(5, 1000)
            }
            #expect(try await client.response(3).reset != nil)
            try await client.windowUpdate(5, 1 << 20)
            let other = try await client.response(5)
            #expect(other.reset == nil && other.text == body)
            await client.close()
        }
    }

    /// The reader's windows are open, but the connection is slow.
    @Test func waitsForAReaderOnASlowConnection() async throws {
        let size = 8 << 20
        try await withProxy(configure: { $0.timeouts.responseWrite = .milliseconds(250) }) { gateway, upstream in
            let client = TestHTTP2Client(try await gateway.connect(receiveBuffer: 8192))
            try await client.connection.channel.setOption(.autoRead, value: false).get()
            try await client.connection.send(TestHTTP2Client.preface)
            try await client.send(TestHTTP2Client.FrameType.settings, payload: [0, 4, 0x40, 0, 0, 0])
            try await client.windowUpdate(0, 1 << 30)
            await client.setOpensWindows(false)
            let server = try await client.begin(1, at: upstream)
            let writing = Task {
                try await server.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                try await server.send([UInt8](repeating: 0x78, count: size))
            }
            for _ in 0..<10 {
                try await letTimePass(
                    .milliseconds(75), because: "how long a reader is waited for is timed on real sockets")
                client.connection.channel.read()
            }
            try await client.connection.channel.setOption(.autoRead, value: true).get()
            let response = try await client.response(1)
            #expect(response.reset == nil && response.body.count == size)
            try await writing.value
            await client.close()
        }
    }

    @Test func acceptsLateFramesOfResetStreams() async throws {
        try await withProxy(answer: Self.echo, configure: { $0.limits.requestBody = 1000 }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            for index in 0..<80 {
                let fields = TestHTTP2Client.fields("POST") + [("content-length", "1001")]
                try await client.request(2 * index + 1, fields, endsStream: false)
                while await client.received(2 * index + 1).reset == nil { try await client.readFrame() }
            }
            try await client.data(1, Array("late".utf8))
            try await client.request(161)
            #expect(try await client.response(161).status == 200)
            #expect(await client.goAway == nil)
            await client.close()
        }
    }

    @Test func forwardsInterimAndEmptyResponses() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let server = try await client.begin(1, at: upstream)
            try await server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
            let response = try await client.response(1)
            #expect(response.interim == [103])
            #expect(response.status == 204)
            try await client.request(3, TestHTTP2Client.fields("HEAD"))
            _ = try await server.receive(until: "\r\n\r\n")
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            let head = try await client.response(3)
            #expect(head["content-length"] == "5")
            #expect(head.body.isEmpty)
            await client.close()
        }
    }

    @Test func refusesWithTheSameProblemsAsHTTP1() async throws {
        try await withProxy(answer: Self.echo, configure: { $0.limits.requestBody = 1000 }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let cases: [(Int, [(String, String)], Int)] = [
                (1, TestHTTP2Client.fields("GET", "/none"), 404),
                (3, TestHTTP2Client.fields() + (0..<120).map { ("x-\($0)", "a") }, 431),
                (5, TestHTTP2Client.fields("GET", "/api/%2e%2e/x"), 400),
                (7, TestHTTP2Client.fields("GET", "/api/" + String(repeating: "a", count: 9000)), 414),
                (9, [(":method", "CONNECT"), (":authority", "a.example:443")], 501),
                (11, [(":method", "GET"), (":scheme", "http"), (":path", "/api")], 400),
                (13, TestHTTP2Client.fields("POST") + [("content-length", "1001")], 413),
            ]
            for (stream, fields, status) in cases {
                try await client.request(stream, fields, endsStream: stream != 13)
                let response = try await client.response(stream)
                #expect(response.status == status, "stream \(stream)")
                #expect(response["content-type"] == "application/problem+json")
            }
            // The rest of an oversized body is not awaited: RST_STREAM with NO_ERROR.
            try await client.request(15, TestHTTP2Client.fields("POST"), endsStream: false)
            try await client.data(15, [UInt8](repeating: 0x78, count: 2000), endsStream: false)
            let response = try await client.response(15)
            #expect(response.status == 413)
            while await client.received(15).reset == nil { try await client.readFrame() }
            #expect(await client.received(15).reset == 0)
            // The connection stays open.
            try await client.request(17)
            #expect(try await client.response(17).status == 200)
            await client.close()
        }
    }

    @Test func malformedRequestsResetOnlyTheirStream() async throws {
        try await withProxy(answer: Self.echo) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let fields: [[(String, String)]] = [
                TestHTTP2Client.fields() + [("connection", "close")], TestHTTP2Client.fields() + [("X", "y")],
                TestHTTP2Client.fields() + [("x", "a\r\nb: c")], TestHTTP2Client.fields("GET", "/a b"),
                TestHTTP2Client.fields() + [("host", "b.example")], [(":method", "GET")],
            ]
            for (index, fields) in fields.enumerated() {
                try await client.request(2 * index + 1, fields)
                #expect(try await client.response(2 * index + 1).reset == 1, "\(fields)")
            }
            #expect(gateway.metric(#"gateway_http2_violations_total{scope="stream"}"#)?.hasSuffix(" 6") == true)
            try await client.request(21)
            #expect(try await client.response(21).status == 200)
            #expect(upstream.acceptedCount == 1)
            await client.close()
        }
    }

    @Test func bodyThatContradictsItsLengthIsReset() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(
                1, TestHTTP2Client.fields("POST") + [("content-length", "100000")], endsStream: false)
            try await client.data(1, [UInt8](repeating: 0x78, count: 20_000), endsStream: false)
            let server = try await upstream.accept()
            let head = try await server.receive(until: "\r\n\r\n")
            #expect(head.contains("content-length: 100000\r\n"))
            try await client.data(1, Array("short".utf8))
            #expect(try await client.response(1).reset == 1)
            let received = try await server.untilClosed()
            #expect(received.count <= 20_005)
            await client.close()
        }
    }

    @Test func truncatedResponseResetsTheStream() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let server = try await client.begin(1, at: upstream)
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            _ = try await client.head(1)
            await server.close()
            let response = try await client.response(1)
            #expect(response.status == 200)
            #expect(response.reset == 2)
            #expect(!response.hasEnded)
            await client.close()
        }
    }

    @Test func resetEndsTheExchange() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let server = try await client.begin(1, at: upstream)
            try await client.reset(1)
            try await server.untilClosed()
            try await client.request(3, TestHTTP2Client.fields("GET", "/none"))
            #expect(try await client.response(3).status == 404)
            let counted = gateway.metric("gateway_requests_total{method=\"GET\",route=\"/api\",status=\"499\"}")
            #expect(counted?.hasSuffix(" 1") == true)
            await client.close()
        }
    }

    @Test func sendsLargeFiles() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-h2-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try content.write(to: folder.appendingPathComponent("large.bin"))
        try Data("<p>".utf8).write(to: folder.appendingPathComponent("index.html"))
        let site = StaticSite(root: folder.path)
        try await withGateway(configure: { $0.site = site }) { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            for stream in [1, 3] {
                try await client.request(stream, TestHTTP2Client.fields("GET", "/large.bin"))
                let response = try await client.response(stream)
                #expect(response.status == 200)
                #expect(response.body == Array(content))
            }
            try await client.ping()
            let counted = gateway.metric("gateway_requests_total{method=\"GET\",route=\"(site)\",status=\"200\"}")
            #expect(counted?.hasSuffix(" 2") == true, "\(counted ?? "-")")
            await client.close()
        }
    }

    // MARK: Preface

    @Test func acceptsThePrefaceInPieces() async throws {
        try await withGateway { gateway in
            let client = TestHTTP2Client(try await gateway.connect())
            for byte in TestHTTP2Client.preface.utf8 { try await client.connection.send([byte]) }
            try await client.send(TestHTTP2Client.FrameType.settings)
            try await client.request(1, TestHTTP2Client.fields("GET", "/none"))
            #expect(try await client.response(1).status == 404)
            await client.close()
        }
    }

    @Test(arguments: [
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/2.0\r\nHost: a\r\n\r\n", "PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func almostThePrefaceIsARequest(_ text: String) async throws {
        try await withGateway { gateway in
            let response = try await gateway.exchange(text)
            #expect(response.status == 400)
        }
    }

    @Test func incompletePrefaceTimesOut() async throws {
        try await withGateway(configure: { $0.timeouts.requestHead = .milliseconds(100) }) { gateway in
            let response = try await gateway.exchange("PRI * HTTP/2.0\r\n\r\n")
            #expect(response.status == 408)
        }
    }

    @Test func rejectsAPrefaceAfterAnHTTP1Request() async throws {
        try await withGateway { gateway in
            let connection = try await gateway.connect()
            try await connection.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await connection.response().status == 404)
            try await connection.send(TestHTTP2Client.preface)
            #expect(try await connection.response().status == 400)
            await connection.close()
        }
    }

    @Test func isDisabledWhenNoStreamsAreAllowed() async throws {
        try await withGateway(configure: { $0.limits.streams = 0 }) { gateway in
            let response = try await gateway.exchange(TestHTTP2Client.preface)
            #expect(response.status == 400)
        }
    }

    // MARK: Back pressure

    @Test func unreadStreamHoldsBackOnlyItsUpstream() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway, window: 1000)
            let server = try await client.begin(1, at: upstream)
            let piece = [UInt8](repeating: 0x78, count: 64 * 1024)
            let total = 512 * piece.count
            let written = TransferCounter()
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let writing = Task {
                for _ in 0..<512 {
                    try await server.send(piece)
                    written.add(piece.count)
                }
            }
            try await written.settle()
            // The kernel buffers most of it; the gateway buffers a few hundred KiB.
            #expect(written.value < total / 2)
            try await client.request(3, TestHTTP2Client.fields("GET", "/none"))
            let other = try await client.head(3)
            #expect(other.status == 404)
            #expect(await client.received(1).body.count == 1000)
            await client.setOpensWindows(true)
            try await client.windowUpdate(1, 1 << 20)
            let response = try await client.response(1)
            #expect(response.body.count == total)
            try await writing.value
            await client.close()
        }
    }

    @Test func slowUpstreamHoldsBackItsStream() async throws {
        let upstream = try await TestUpstream.start()
        let total = 64 << 20
        try await withGateway(endpoint: upstream.endpoint, configure: { $0.limits.requestBody = total }) { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(
                1, TestHTTP2Client.fields("POST") + [("content-length", "\(total)")], endsStream: false)
            let sent = TransferCounter()
            let piece = [UInt8](repeating: 0x78, count: 1 << 16)
            let writing = Task {
                for index in 0..<(total / piece.count) {
                    try await client.data(1, piece, endsStream: index == total / piece.count - 1)
                    sent.add(piece.count)
                }
            }
            let server = try await upstream.accept()
            _ = try await server.receive(until: "\r\n\r\n")
            try await server.channel.setOption(.autoRead, value: false).get()
            try await sent.settle()
            #expect(sent.value < total / 2)
            try await server.channel.setOption(.autoRead, value: true).get()
            let received = try await server.receive(count: total).count
            #expect(received == total)
            try await writing.value
            try await server.send(TestUpstream.ok())
            #expect(try await client.response(1).text == "hello")
            await client.close()
        }
        await upstream.stop()
    }

    // MARK: Shutdown

    @Test func idleConnectionGoesAway() async throws {
        try await withGateway(configure: { $0.timeouts.keepAlive = .milliseconds(100) }) { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1, TestHTTP2Client.fields("GET", "/none"))
            #expect(try await client.response(1).status == 404)
            #expect(try await client.untilGoneAway() == 0)
            #expect(await client.goAway?.lastStream == 1)
        }
    }

    @Test func connectionWithoutARequestGoesAway() async throws {
        try await withGateway(configure: { $0.timeouts.requestHead = .milliseconds(100) }) { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            while await client.settings.isEmpty { try await client.readFrame() }
            // A head that never ends does not count as a request.
            try await client.send(TestHTTP2Client.FrameType.headers, stream: 1, payload: [0x82])
            #expect(try await client.untilGoneAway() == 0)
        }
    }

    @Test func shutdownFinishesStreamsAndRefusesNewOnes() async throws {
        let upstream = try await TestUpstream.start()
        let (opened, continuation) = AsyncStream.makeStream(of: TestHTTP2Client.self)
        async let finished: Void = {
            guard let client = await opened.first(where: { _ in true }) else { return }
            let server = try await upstream.accept()
            _ = try await server.request()
            while await client.goAway == nil { try await client.readFrame() }
            #expect(await client.goAway?.lastStream == 1)
            try await server.send(TestUpstream.ok())
            let response = try await client.response(1)
            #expect(response.text == "hello")
            #expect(try await client.untilGoneAway() == 0)
        }()
        try await withGateway(endpoint: upstream.endpoint, configure: { $0.timeouts.drain = .seconds(20) }) { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1)
            try await client.ping()
            continuation.yield(client)
            continuation.finish()
        }
        try await finished
        await upstream.stop()
    }
}
