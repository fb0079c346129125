import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Upstreams that do not support chunked bodies get a length.
@Suite struct BufferedBodyTests {
    private func withBuffer(
        _ limit: Int? = 100_000, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { request in
            let fields = ["content-length", "transfer-encoding", "expect"].map { request[$0] ?? "-" }
            return TestUpstream.ok("\(fields.joined(separator: " ")) \(request.body.count)")
        }
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            configuration.upstreams[0].bufferedBody = limit
            configuration.timeouts.linger = .milliseconds(20)
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    private func chunked(_ body: String, fields: String = "") -> String {
        "POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\(fields)\r\n\(body)"
    }

    @Test func chunkedBodyGetsALength() async throws {
        try await withBuffer { gateway in
            let client = try await gateway.connect()
            try await client.send(chunked("5\r\nhello\r\n"))
            try await letTimePass(.milliseconds(20), because: "the gateway is to read the pieces apart")
            try await client.send("6\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n")
            var answer = try await client.response()
            #expect(answer.text == "11 - - 11")
            try await client.send(chunked("0\r\n\r\n"))
            answer = try await client.response()
            #expect(answer.text == "0 - - 0")
            // A body with a length keeps it, whether it is buffered or not.
            for count in [50_000, 200_000] {
                try await client.send("PUT /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
                try await client.send(String(repeating: "x", count: count))
                answer = try await client.response()
                #expect(answer.text == "\(count) - - \(count)")
            }
            await client.close()
        }
    }

    @Test func http2BodiesGetALength() async throws {
        try await withBuffer { gateway in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1, TestHTTP2Client.fields("POST"), endsStream: false)
            try await client.data(1, [UInt8](repeating: 0x78, count: 40_000))
            let answer = try await client.response(1)
            #expect(answer.text == "40000 - - 40000")
            await client.connection.close()
        }
    }

    @Test func oversizedBufferedBodyIs413() async throws {
        try await withBuffer { gateway in
            let client = try await gateway.connect()
            try await client.send(chunked("20000\r\n" + String(repeating: "x", count: 0x20000) + "\r\n"))
            let answer = try await client.response()
            #expect(answer.status == 413)
            #expect(answer.text.contains("100000"))
            await client.close()
        }
    }

    @Test func gatewayAnswersExpectContinue() async throws {
        try await withBuffer { gateway in
            let client = try await gateway.connect()
            try await client.send(chunked("", fields: "Expect: 100-continue\r\n"))
            let interim = try await client.receive(until: "\r\n\r\n")
            #expect(interim.hasPrefix("HTTP/1.1 100 "))
            try await client.send("2\r\nhi\r\n0\r\n\r\n")
            let answer = try await client.response()
            #expect(answer.text == "2 - - 2")
            await client.close()
        }
    }

    @Test func keepsChunksByDefault() async throws {
        try await withBuffer(nil) { gateway in
            let client = try await gateway.connect()
            try await client.send(chunked("5\r\nhello\r\n0\r\n\r\n"))
            let answer = try await client.response()
            #expect(answer.text == "- chunked - 5")
            await client.close()
        }
    }

    /// More than the buffer of an event loop holds, one after the other.
    @Test func releasesGatheredBodies() async throws {
        let size = 8 << 20
        try await withBuffer(size) { gateway in
            for number in 0..<10 {
                let client = try await gateway.connect()
                let piece = String(size, radix: 16) + "\r\n" + String(repeating: "x", count: size) + "\r\n"
                if number % 3 == 2 {
                    // Aborted before the last chunk.
                    try await client.send(chunked(piece))
                } else {
                    try await client.send(chunked(piece + "0\r\n\r\n"))
                    let answer = try await client.response()
                    #expect(answer.text == "\(size) - - \(size)")
                }
                await client.close()
            }
        }
    }
}
