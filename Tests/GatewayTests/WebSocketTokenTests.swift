import Crypto
import JWTKit
import MartletCore
import MartletTokens
import NIOCore
import Testing

@testable import Gateway

/// Tokens of WebSockets, in the fields that browsers can set.
@Suite struct WebSocketTokenTests {
    private static let secret = Array("a secret of the tests, 32 bytes and more".utf8)

    private struct Claims: JWTPayload {
        var sub = "7"
        var exp = Int(WallClock.system.now.secondsSince1970) + 60
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private func token() async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256, kid: "k")
        return try await keys.sign(Claims(), kid: "k")
    }

    /// The upstream echoes its request with 200, because a tunnel would show nothing more.
    private func withRoute(
        removing fields: [String] = [], _ change: (inout GatewayConfiguration.WebSocket) -> Void,
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { request in
            TestUpstream.ok(request.headers.map { "\($0.name.lowercased()): \($0.value)" }.joined(separator: "\n"))
        }
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            var issuer = TokenIssuer()
            issuer.keys = [.init(.hs256, id: "k", material: Self.secret)]
            var socket = GatewayConfiguration.WebSocket()
            change(&socket)
            configuration.routes[0].upgrades = ["websocket"]
            configuration.routes[0].policies.authentication = .init(tokens: issuer)
            configuration.routes[0].policies.authentication?.webSocket = socket
            configuration.routes[0].policies.requestHeaders.remove = fields
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    private static let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"

    @Test func removesCredentialsWhereTheRouteSaysSo() async throws {
        let token = try await token()
        try await withRoute(removing: ["Authorization"], { $0.protocolName = "bearer" }) { gateway in
            let answer = try await gateway.get(
                "/api", headers: Self.upgrade + "Sec-WebSocket-Protocol: bearer.\(token)\r\n")
            #expect(answer.status == 200)
            #expect(answer.text.contains("x-user-id: 7") && !answer.text.contains(token))
        }
    }

    @Test func readsTheTokenFromASubprotocolAndRemovesIt() async throws {
        let token = try await token()
        try await withRoute({ $0.protocolName = "bearer" }) { gateway in
            let answer = try await gateway.get(
                "/api", headers: Self.upgrade + "Sec-WebSocket-Protocol: chat, bearer.\(token), superchat\r\n")
            #expect(answer.status == 200)
            #expect(answer.text.contains("sec-websocket-protocol: chat, superchat"))
            #expect(answer.text.contains("authorization: Bearer \(token)"))
            #expect(answer.text.contains("x-user-id: 7"))
            #expect(!answer.text.contains("bearer."))
            #expect(answer["sec-websocket-protocol"] == nil)
            let alone = try await gateway.get(
                "/api", headers: Self.upgrade + "Sec-WebSocket-Protocol: bearer.\(token)\r\n")
            #expect(alone.status == 200 && !alone.text.contains("sec-websocket-protocol"))
        }
    }

    @Test func rejectsSubprotocolsWithoutAValidToken() async throws {
        let token = try await token()
        try await withRoute({ $0.protocolName = "bearer" }) { gateway in
            for fields in [
                "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Protocol: bearer.\r\n",
                "Sec-WebSocket-Protocol: bearer.x.y.z\r\n",
                "Sec-WebSocket-Protocol: bearer.\(token), bearer.\(token)\r\n",
                "Sec-WebSocket-Protocol: bearer.\(token)\r\nSec-WebSocket-Protocol: bearer.x\r\n",
                "Sec-WebSocket-Protocol: bearer.\(token)\r\nAuthorization: Bearer \(token)\r\n",
                "Cookie: bearer=\(token)\r\nOrigin: https://a.example\r\n",
            ] {
                let status = try await gateway.get("/api", headers: Self.upgrade + fields).status
                #expect(status == 401, "\(fields)")
            }
            // Other requests still need an `Authorization` field.
            let plain = try await gateway.get("/api", headers: "Sec-WebSocket-Protocol: bearer.\(token)\r\n").status
            #expect(plain == 401)
        }
    }

    @Test func acceptsACookieFromAllowedOrigins() async throws {
        let token = try await token()
        try await withRoute({
            $0.cookie = "access"
            $0.origins = ["https://a.example"]
        }) { gateway in
            let own = "Origin: https://a.example\r\n"
            for (fields, expected) in [
                ("Cookie: x=1; access=\(token)\r\n" + own, 200), ("Cookie: access=\"\(token)\"\r\n" + own, 200),
                // Any page can open a WebSocket with the cookies of its visitors.
                ("Cookie: access=\(token)\r\nOrigin: https://b.example\r\n", 403),
                ("Cookie: access=\(token)\r\nOrigin: https://a.example.b.example\r\n", 403),
                ("Cookie: access=\(token)\r\nOrigin: null\r\n", 403), ("Cookie: access=\(token)\r\n", 403),
                ("Cookie: access=\(token)\r\n" + own + "Origin: https://b.example\r\n", 403),
                ("Cookie: access=\(token); access=x\r\n" + own, 401), ("Cookie: access=x\r\n" + own, 401),
                ("Cookie: accessx=\(token); xaccess=\(token)\r\n" + own, 401), (own, 401),
                // A client with the token itself needs no origin.
                ("Authorization: Bearer \(token)\r\n", 200),
            ] {
                let status = try await gateway.get("/api", headers: Self.upgrade + fields).status
                #expect(status == expected, "\(fields)")
            }
            let plain = try await gateway.get("/api", headers: "Cookie: access=\(token)\r\n" + own).status
            #expect(plain == 401)
        }
    }
}
