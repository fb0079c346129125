import NIOCore
import NIOHTTP2
import Testing

@testable import Gateway

/// Limits and features of HTTP/2 besides plain requests.
@Suite struct HTTP2LimitsTests {
    private typealias FrameType = TestHTTP2Client.FrameType

    /// Each range has another `Content-Range`, which must not be indexed in the client's table.
    @Test func changingValuesDoNotFillTheTable() async throws {
        try await withProxy(answer: { request in
            TestUpstream.ok("x", headers: "X-New: \(request.startLine)\r\nLocation: \(request.startLine)\r\n")
        }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.send(FrameType.settings, payload: [0, 1, 0x7F, 0xFF, 0xFF, 0xFF])
            for index in 0..<300 {
                try await client.request(2 * index + 1, TestHTTP2Client.fields("GET", "/api/\(index)"))
                // The client's table has 4,096 bytes, so it could not resolve a reference to a larger one.
                let response = try await client.response(2 * index + 1)
                #expect(response["x-new"] == "GET /api/\(index) HTTP/1.1")
            }
            await client.close()
        }
    }

    @Test func refusesOnlyStreamsBeyondTheLimit() async throws {
        try await withProxy(configure: { $0.limits.streams = 4 }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            // Sent before the client has read the limit.
            for index in 0..<150 { try await client.request(2 * index + 1) }
            for index in 4..<150 { #expect(try await client.response(2 * index + 1).reset == 7) }
            for _ in 0..<4 {
                let server = try await upstream.accept()
                _ = try await server.request()
                try await server.send(TestUpstream.ok())
            }
            for index in 0..<4 { #expect(try await client.response(2 * index + 1).status == 200) }
            #expect(await client.settings[3] == 4)
            #expect(await client.goAway == nil)
            try await client.request(301, TestHTTP2Client.fields("GET", "/none"))
            #expect(try await client.response(301).status == 404)
            await client.close()
        }
    }

    @Test(arguments: [20_000, 40_000])
    func largeHeadsTakeSeveralFrames(_ length: Int) async throws {
        let value = String(repeating: "v{", count: length / 2)
        try await withProxy(answer: { _ in TestUpstream.ok("hi", headers: "X-Long: \(value)\r\n") }) {
            gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            for stream in [1, 3] {
                try await client.request(stream)
                let response = try await client.response(stream)
                #expect(response.status == 200 && response.text == "hi")
                #expect(response["x-long"] == value)
                #expect(response.headFrames > 1)
            }
            await client.close()
        }
    }

    @Test func valuesThatAreNoUTF8PassInBothDirections() async throws {
        let value: [UInt8] = [0x63, 0x61, 0x66, 0xE9, 0x20, 0xFF]
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            var block = ByteBuffer(bytes: try await client.encode(TestHTTP2Client.fields()))
            // A literal without indexing: x-name with the raw value.
            block.writeBytes([0, 6] + Array("x-name".utf8) + [UInt8(value.count)] + value)
            try await client.send(FrameType.headers, flags: 5, stream: 1, payload: Array(block.readableBytesView))
            let server = try await upstream.accept()
            let line = Array("x-name: ".utf8) + value + [13, 10]
            let isThere = try await server.receive { bytes, _ -> Bool? in
                guard bytes.suffix(4).elementsEqual([13, 10, 13, 10]) else { return nil }
                return (0..<bytes.count - line.count).contains { bytes[$0...].starts(with: line) }
            }
            #expect(isThere)
            try await server.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Name: ".utf8) + value + [13, 10, 13, 10])
            let response = try await client.response(1)
            #expect(response.raw.first { $0.name == Array("x-name".utf8) }?.value == value)
            await client.close()
        }
    }

    /// A round trip is what a client may send before the gateway's next frame. 5 MB take three, not eighty.
    @Test func uploadsNeedFewRoundTrips() async throws {
        let total = 5_000_000
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            while await client.settings.isEmpty { try await client.readFrame() }
            try await client.request(
                1, TestHTTP2Client.fields("POST") + [("content-length", "\(total)")], endsStream: false)
            // The gateway waits for the beginning of the body before it opens a connection.
            let beginning = 32_768
            try await client.data(1, [UInt8](repeating: 0x78, count: beginning), endsStream: false)
            let server = try await upstream.accept()
            _ = try await server.receive(until: "\r\n\r\n")
            async let received = server.receive(count: total)
            var rest = total - beginning
            var rounds = 0
            while rest > 0 {
                let worthwhile = min(rest, 1 << 20)
                while await client.sendable(1) < worthwhile { try await client.readFrame() }
                let count = min(rest, await client.sendable(1))
                rest -= count
                rounds += 1
                try await client.data(1, [UInt8](repeating: 0x78, count: count), endsStream: rest == 0)
            }
            #expect(rounds <= 5)
            #expect(try await received.count == total)
            try await server.send(TestUpstream.ok())
            #expect(try await client.response(1).status == 200)
            await client.close()
        }
    }

    /// A waiting frame of one byte uses hundreds of bytes, which no window counts.
    @Test func limitsSmallFramesWaitingForAnUpstream() async throws {
        try await withProxy(configure: {
            $0.upstreams[0].maximumConnections = 1
            $0.timeouts.connect = .seconds(60)
        }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            let count = 34_000
            let fields = TestHTTP2Client.fields("POST")
            let beginning = [UInt8](repeating: 0x78, count: 20_000)
            func sendSmallFrames(_ stream: Int) async throws {
                let frames = [[UInt8]](
                    repeating: TestHTTP2Client.bytes(FrameType.data, stream: stream, payload: [0x78]), count: 100)
                for _ in 0..<count / 100 { try await client.connection.send(frames.flatMap { $0 }) }
            }
            // Any number of frames may be forwarded.
            try await client.request(
                1, fields + [("content-length", "\(beginning.count + count)")], endsStream: false)
            try await client.data(1, beginning, endsStream: false)
            let server = try await upstream.accept()
            _ = try await server.receive(until: "\r\n\r\n")
            async let received = server.receive(count: beginning.count + count)
            try await sendSmallFrames(1)
            #expect(try await received.count == beginning.count + count)
            // The response is pending, so the next request waits for the connection.
            try await client.ping()
            try await client.request(3, fields, endsStream: false)
            try await client.data(3, [UInt8](repeating: 0x78, count: 20_000), endsStream: false)
            try? await sendSmallFrames(3)
            #expect(try await client.untilGoneAway() == 11)
            await client.close()
        }
    }

    @Test func badStreamsAreCountedInATimeAndNotForALife() {
        let (connection, stream) = HTTP2Pipeline.configuration(.init(streams: 100, headerList: 1000))
        #expect(connection.maximumConnectionGlitches == .max)
        #expect(stream.streamErrorRateLimit.maximumCount == 100)
    }
}
