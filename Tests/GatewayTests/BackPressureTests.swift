import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite(.serialized) struct BackPressureTests {
    /// The maximum in the kernel's socket buffers: up to 32 MiB in one growing receive buffer, and up to 4 MiB in each
    /// of two send buffers. The gateway's share is far below 1 MiB.
    private static let bound = 56 * 1024 * 1024
    private static let total = 96 * 1024 * 1024
    private static let piece = [UInt8](repeating: 0x78, count: 64 * 1024)

    @Test func slowReaderHoldsBackTheUpstream() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect(receiveBuffer: 64 * 1024)
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let server = try await upstream.accept()
            _ = try await server.request()
            try await client.channel.setOption(.autoRead, value: false).get()
            let counter = TransferCounter()
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.total)\r\n\r\n")
            let writing = Task {
                for _ in 0..<(Self.total / Self.piece.count) {
                    try await server.send(Self.piece)
                    counter.add(Self.piece.count)
                }
            }
            try await counter.settle()
            #expect(counter.value < Self.bound)
            try await client.channel.setOption(.autoRead, value: true).get()
            let body = try await client.response().body.count
            #expect(body == Self.total)
            try await writing.value
            await client.close()
        }
    }

    @Test func slowReaderOfACompressedResponseHoldsBackTheUpstream() async throws {
        try await withProxy { configuration in
            configuration.routes[0].policies.compression = .init()
            configuration.routes[0].policies.compression?.level = 1
        } _: { gateway, upstream in
            let client = try await gateway.connect(receiveBuffer: 64 * 1024)
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            let server = try await upstream.accept()
            _ = try await server.request()
            try await client.channel.setOption(.autoRead, value: false).get()
            let counter = TransferCounter()
            var random = SeededRandom(seed: 3)
            // Incompressible.
            let piece = (0..<Self.piece.count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try await server.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(Self.total)\r\n\r\n")
            let writing = Task {
                for _ in 0..<(Self.total / piece.count) {
                    try await server.send(piece)
                    counter.add(piece.count)
                }
            }
            try await counter.settle()
            #expect(counter.value < Self.bound)
            // When the client reads again, more arrives than was in transit.
            try await client.channel.setOption(.autoRead, value: true).get()
            try await writing.value
            #expect(counter.value == Self.total)
            await client.close()
        }
    }

    @Test func slowUpstreamHoldsBackTheClient() async throws {
        try await withProxy(configure: { $0.limits.requestBody = Self.total }) {
            gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.total)\r\n\r\n")
            let counter = TransferCounter()
            // The gateway waits for the beginning of the body before it opens a connection.
            let writing = Task {
                for _ in 0..<(Self.total / Self.piece.count) {
                    try await client.send(Self.piece)
                    counter.add(Self.piece.count)
                }
            }
            let server = try await upstream.accept()
            _ = try await server.receive(until: "\r\n\r\n")
            try await server.channel.setOption(.autoRead, value: false).get()
            try await counter.settle()
            #expect(counter.value < Self.bound)
            try await server.channel.setOption(.autoRead, value: true).get()
            let received = try await server.receive(count: Self.total).count
            #expect(received == Self.total)
            try await writing.value
            try await server.send(TestUpstream.ok())
            let status = try await client.response().status
            #expect(status == 200)
            await client.close()
        }
    }
}
