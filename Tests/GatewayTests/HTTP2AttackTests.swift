import NIOCore
import Testing

@testable import Gateway

/// Known attacks by HTTP/2 clients. Each ends only the attacker's connection.
@Suite struct HTTP2AttackTests {
    private typealias FrameType = TestHTTP2Client.FrameType
    private static let enhanceYourCalm = 11

    /// - Returns: the error code of GOAWAY.
    private func attack(
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (TestHTTP2Client) async throws -> Void
    ) async throws -> Int {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        var code = -1
        try await withGateway(endpoint: upstream.endpoint, configure: configure) { gateway in
            let bystander = try await TestHTTP2Client.connect(gateway)
            try await bystander.ping()
            let attacker = try await TestHTTP2Client.connect(gateway)
            // The gateway stops reading once it detects the attack, so a write may fail.
            try? await body(attacker)
            code = try await attacker.untilGoneAway()
            await attacker.close()
            try await bystander.request(1)
            #expect(try await bystander.response(1).status == 200)
            #expect(try await gateway.get("/api").status == 200)
            await bystander.close()
            #expect(gateway.metric(#"gateway_http2_violations_total{scope="connection"}"#)?.hasSuffix(" 1") == true)
        }
        await upstream.stop()
        return code
    }

    @Test func stopsRapidReset() async throws {
        let code = try await attack { client in
            for index in 0..<2000 {
                try await client.request(2 * index + 1)
                try await client.reset(2 * index + 1)
            }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func limitsStreamsResetByTheServer() async throws {
        let code = try await attack { client in
            for index in 0..<2000 {
                try await client.request(2 * index + 1)
                // An increment of zero is a stream error.
                try await client.windowUpdate(2 * index + 1, 0)
            }
        }
        #expect(code == Self.enhanceYourCalm || code == 1)
    }

    /// The upstream already has the request when the gateway's translator rejects its trailers.
    @Test func limitsStreamsResetByTheTranslator() async throws {
        let code = try await attack { client in
            for index in 0..<450 {
                try await client.request(2 * index + 1, TestHTTP2Client.fields("POST"), endsStream: false)
                try await client.send(
                    FrameType.headers, flags: 5, stream: 2 * index + 1, payload: try await client.encode([("x", " b")]))
                while await client.received(2 * index + 1).reset == nil { try await client.readFrame() }
            }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func limitsOverlongBodies() async throws {
        let code = try await attack(configure: { $0.limits.requestBody = 1000 }) { client in
            for index in 0..<450 {
                try await client.request(2 * index + 1, TestHTTP2Client.fields("POST"), endsStream: false)
                try await client.data(2 * index + 1, [UInt8](repeating: 0x78, count: 2000), endsStream: false)
                while await client.received(2 * index + 1).reset == nil { try await client.readFrame() }
            }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    /// The gateway resets these streams too, but their requests have not reached an upstream.
    @Test func earlyRefusalsAreNotCountedAsAbuse() async throws {
        try await withProxy(answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            for index in 0..<120 {
                try await client.request(2 * index + 1, TestHTTP2Client.fields("POST", "/none"), endsStream: false)
                while await client.received(2 * index + 1).reset == nil { try await client.readFrame() }
            }
            try await client.request(241)
            #expect(try await client.response(241).status == 200)
            await client.close()
        }
    }

    @Test func stopsContinuationFlood() async throws {
        let code = try await attack { client in
            try await client.send(FrameType.headers, stream: 1, payload: try await client.encode([(":method", "GET")]))
            for _ in 0..<2000 { try await client.send(FrameType.continuation, stream: 1, payload: [0x82]) }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func stopsSettingsFlood() async throws {
        let code = try await attack { client in
            for _ in 0..<2000 { try await client.send(FrameType.settings) }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func stopsPingFlood() async throws {
        let code = try await attack { client in
            for _ in 0..<2000 { try await client.send(FrameType.ping, payload: [UInt8](repeating: 0, count: 8)) }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func stopsPriorityFlood() async throws {
        let code = try await attack { client in
            for _ in 0..<2000 { try await client.send(FrameType.priority, stream: 3, payload: [0, 0, 0, 0, 9]) }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func stopsEmptyDataFlood() async throws {
        let code = try await attack { client in
            try await client.request(1, TestHTTP2Client.fields("POST"), endsStream: false)
            for _ in 0..<2000 { try await client.send(FrameType.data, stream: 1) }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    /// A large field is added to the table once, then referenced thousands of times with one byte each.
    @Test func stopsHeaderBomb() async throws {
        let code = try await attack { client in
            var block = try await client.encode(
                TestHTTP2Client.fields() + [("x-bomb", String(repeating: "a", count: 3900))])
            block += [UInt8](repeating: 0x80 | 62, count: 8000)
            try await client.send(FrameType.headers, flags: 5, stream: 1, payload: block)
        }
        #expect(code > 0)
    }

    /// Each excess stream is refused. A client that continues after it has read the limit is disconnected.
    @Test func refusesExcessStreams() async throws {
        let code = try await attack(configure: { $0.limits.streams = 10 }) { client in
            while await client.settings.isEmpty { try await client.readFrame() }
            for index in 0..<200 {
                try await client.request(2 * index + 1, TestHTTP2Client.fields("POST"), endsStream: false)
            }
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func rejectsTooManySettings() async throws {
        let code = try await attack { client in
            let setting: [UInt8] = [0, 4, 0, 0, 0xFF, 0xFF]
            try await client.send(FrameType.settings, payload: Array(repeating: setting, count: 2000).flatMap { $0 })
        }
        #expect(code == Self.enhanceYourCalm)
    }

    @Test func rejectsDataBeyondTheWindow() async throws {
        try await withProxy { gateway, upstream in
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1, TestHTTP2Client.fields("POST"), endsStream: false)
            try await client.send(FrameType.data, stream: 1, payload: [UInt8](repeating: 0, count: 16_384))
            let server = try await upstream.accept()
            try await server.channel.setOption(.autoRead, value: false).get()
            for _ in 0..<3000 {
                try? await client.send(FrameType.data, stream: 1, payload: [UInt8](repeating: 0, count: 16_384))
                if await client.received(1).reset != nil { break }
            }
            let response = try? await client.response(1)
            let code = await client.goAway?.code
            #expect(response?.reset == 3 || code == 3, "\(response?.reset ?? -1) \(code ?? -1)")
            await client.close()
        }
    }
}
