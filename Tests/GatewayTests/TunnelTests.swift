import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// Connections that switch from HTTP to another protocol.
@Suite struct TunnelTests {
    private let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
    private let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"

    private func withTunnel(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (GatewayFixture, TestUpstream) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start()
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            configuration.routes[0].upgrades = ["websocket"]
            configure(&configuration)
        } _: {
            try await body($0, upstream)
        }
        await upstream.stop()
    }

    private func get(_ headers: String) -> String { "GET /api HTTP/1.1\r\nHost: x\r\n\(headers)\r\n" }

    @Test func carriesBytesBothWaysAfterThe101() async throws {
        try await withTunnel { gateway, upstream in
            let client = try await gateway.connect()
            // Early bytes wait for the response.
            try await client.send(get(upgrade) + "early")
            let server = try await upstream.accept()
            let request = try await server.request()
            #expect(request["upgrade"] == "websocket")
            #expect(request["connection"] == "Upgrade")
            #expect(server.receivedCount == 0)
            try await server.send(switching + "hello")
            let answer = try await client.response()
            #expect(answer.status == 101)
            #expect(answer["upgrade"] == "websocket")
            #expect(answer["connection"] == "Upgrade")
            let hello = try await client.receive { bytes, _ in bytes.count >= 5 ? bytes : nil }
            #expect(hello == Array("hello".utf8))
            let early = try await server.receive { bytes, _ in bytes.count >= 5 ? bytes : nil }
            #expect(early == Array("early".utf8))
            #expect(gateway.metric("gateway_tunnels") == "gateway_tunnels 1")

            let large = Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
            async let sending: Void = client.send(large)
            async let answering: Void = server.send(large)
            let arrived = try await server.receive { bytes, _ in bytes.count >= 5 + large.count ? bytes.count : nil }
            let returned = try await client.receive { bytes, _ in bytes.count >= 5 + large.count ? bytes.count : nil }
            _ = try await (sending, answering)
            #expect(arrived == 5 + large.count && returned == 5 + large.count)

            await server.close()
            let isClosed = try await client.receive { _, isClosed in isClosed ? true : nil }
            #expect(isClosed)
        }
    }

    @Test func clientDisconnectClosesTheUpstreamConnection() async throws {
        try await withTunnel { gateway, upstream in
            let (client, server) = try await gateway.begin(get(upgrade), at: upstream)
            try await server.send(switching)
            _ = try await client.response()
            try await client.send("last words")
            await client.close()
            let words = try await server.receive { bytes, isClosed in isClosed ? bytes : nil }
            #expect(words == Array("last words".utf8))
        }
    }

    @Test func declinedUpgradeIsAnOrdinaryResponse() async throws {
        try await withTunnel { gateway, upstream in
            let (client, server) = try await gateway.begin(get(upgrade), at: upstream)
            try await server.send(TestUpstream.ok("no"))
            let answer = try await client.response()
            #expect(answer.text == "no")
            // The connection stays open and serves the next request.
            try await client.send(get(""))
            #expect(try await server.request()["upgrade"] == nil)
            try await server.send(TestUpstream.ok("next"))
            #expect(try await client.response().text == "next")
            await client.close()
        }
    }

    @Test(arguments: [
        "Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
    ])
    func invalidUpgradeIsAnOrdinaryRequest(_ headers: String) async throws {
        try await withTunnel { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(get(headers) + (headers.contains("Content") ? "smugg" : ""))
            let server = try await upstream.accept()
            let request = try await server.request()
            #expect(request["upgrade"] == nil && request["connection"] == nil)
            // A 101 without an upgrade in the request is invalid.
            try await server.send(switching)
            #expect(try await client.response().status == 502)
            await client.close()
        }
    }

    @Test func switchToAnotherProtocolIs502() async throws {
        try await withTunnel { gateway, upstream in
            let (client, server) = try await gateway.begin(get(upgrade), at: upstream)
            try await server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n")
            #expect(try await client.response().status == 502)
            await client.close()
        }
    }

    @Test func limitsIdleTimeAndNumberOfTunnels() async throws {
        try await withTunnel { configuration in
            // Long enough for the second client to connect while the first is active.
            configuration.timeouts.tunnel = .seconds(1)
            configuration.limits.tunnels = 1
        } _: { gateway, upstream in
            let (client, server) = try await gateway.begin(get(upgrade), at: upstream)
            try await server.send(switching)
            _ = try await client.response()
            let second = try await gateway.get("/api", headers: upgrade)
            #expect(second.status == 503)
            let isClosed = try await client.receive { _, isClosed in isClosed ? true : nil }
            #expect(isClosed)
        }
    }

    @Test func routeSetsTheIdleTimeoutAndTrafficResetsIt() async throws {
        try await withTunnel { configuration in
            configuration.timeouts.tunnel = .hours(1)
            configuration.routes[0].timeouts.tunnel = .milliseconds(800)
        } _: { gateway, upstream in
            let (client, server) = try await gateway.begin(get(upgrade), at: upstream)
            try await server.send(switching)
            _ = try await client.response()
            // Data in either direction, for longer than the idle timeout.
            for number in 0..<8 {
                let (from, to) = number % 2 == 0 ? (client, server) : (server, client)
                try await from.send("p")
                _ = try await to.receive(until: "p")
                try await letTimePass(.milliseconds(150), because: "the tunnel's silence is timed on real sockets")
            }
            let isClosed = try await client.receive { _, isClosed in isClosed ? true : nil }
            #expect(isClosed)
        }
    }

    @Test func eventsAreForwardedOneByOne() async throws {
        try await withTunnel { gateway, upstream in
            let (client, server) = try await gateway.begin(get("Accept: text/event-stream\r\n"), at: upstream)
            try await server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for number in 0..<5 {
                // Each event is sent only after the previous one arrived: nothing is buffered.
                try await server.send("data: \(number)\n\n")
                let text = "data: \(number)\n\n"
                let hasArrived = try await client.receive { bytes, _ in
                    String(decoding: bytes, as: UTF8.self).contains(text) ? true : nil
                }
                #expect(hasArrived)
            }
            await client.close()
        }
    }
}
