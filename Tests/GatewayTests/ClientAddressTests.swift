import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// The client's address behind trusted proxies (RFC 7239).
@Suite struct ClientAddressTests {
    private func client(_ fields: [String], trusting proxies: [String] = ["127.0.0.0/8", "10.0.0.0/8"]) throws
        -> String?
    {
        try TestRequest.with(TestRequest.fields(fields), trusting: proxies) { $0.clientAddress?.description }
    }

    @Test(arguments: [
        ("X-Forwarded-For: 203.0.113.9", "203.0.113.9"), ("X-Forwarded-For: 203.0.113.9:4711", "203.0.113.9"),
        ("X-Forwarded-For: [2001:db8::9]:4711", "2001:db8::9"), ("X-Forwarded-For: [2001:db8::9]", "2001:db8::9"),
        ("X-Forwarded-For: 2001:db8::9", "2001:db8::9"), ("X-Forwarded-For: \"[2001:db8::9]:1\"", "2001:db8::9"),
        ("X-Forwarded-For: 198.51.100.7, 203.0.113.9:1 , 10.0.0.1:80", "203.0.113.9"),
        ("Forwarded: for=203.0.113.9", "203.0.113.9"),
        ("Forwarded: For=\"203.0.113.9:4711\";proto=https", "203.0.113.9"),
        ("forwarded: proto=http;for=\"[2001:db8::9]:4711\";by=10.0.0.1", "2001:db8::9"),
        ("Forwarded: for=198.51.100.7, for=203.0.113.9;host=\"a, for=1.1.1.1\"", "203.0.113.9"),
        ("Forwarded: for=203.0.113.9:_hidden", "203.0.113.9"), ("Forwarded: for=[2001:db8::9]", "2001:db8::9"),
        ("Forwarded: for=203.0.113.9,, ;", "203.0.113.9"),
        // A proxy that does not name the client is taken as the client.
        ("X-Forwarded-Proto: https", "127.0.0.1"), ("Forwarded: proto=https", "127.0.0.1"),
    ])
    func readsAddresses(_ field: String, _ expected: String) throws {
        #expect(try client([field]) == expected)
    }

    /// The result is never the proxy's address.
    @Test(arguments: [
        "X-Forwarded-For: unknown", "X-Forwarded-For: 203.0.113.9, x",
        "X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.1",
        "X-Forwarded-For:", "X-Forwarded-For: ,", "X-Forwarded-For: _hidden", "X-Forwarded-For: 203.0.113.9:",
        "X-Forwarded-For: 203.0.113.9:99999", "X-Forwarded-For: 203.0.113.9:x", "X-Forwarded-For: [203.0.113.9]",
        "X-Forwarded-For: [2001:db8::9", "X-Forwarded-For: [2001:db8::9]x", "X-Forwarded-For: 203.0.113.009.1",
        "X-Forwarded-For: fe80::1%eth0", "X-Forwarded-For: 203.0.113.9\u{301}",
        "Forwarded: for=unknown", "Forwarded: for=_hidden", "Forwarded: for=\"_x:80\"", "Forwarded: for=",
        "Forwarded: for=203.0.113.9, proto=https", "Forwarded: for=203.0.113.9;for=203.0.113.8",
        "Forwarded: for=\"203.0.113.9", "Forwarded: for=\"203.0.113.9\"x", "Forwarded: for 203.0.113.9",
        // The client left a quote open.
        "Forwarded: x=\", for=203.0.113.9", "Forwarded: for=198.51.100.7;x=\", for=203.0.113.9;by=\"gw\"",
    ])
    func unreadableForwardingIsUnknown(_ field: String) throws {
        #expect(try client([field]) == nil)
    }

    @Test func lastFieldIsTheNearestHop() throws {
        #expect(try client(["X-Forwarded-For: x", "X-Forwarded-For: 203.0.113.9"]) == "203.0.113.9")
        #expect(try client(["Forwarded: for=\"", "Forwarded: for=203.0.113.9"]) == "203.0.113.9")
        #expect(try client(["Forwarded: for=203.0.113.9", "Forwarded: proto=https"]) == nil)
    }

    @Test func contradictingFieldsAreUnknown() throws {
        #expect(try client(["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"]) == "203.0.113.9")
        #expect(try client(["X-Forwarded-For: 10.1.1.1", "Forwarded: for=203.0.113.9"]) == nil)
        // The nearer proxy names only the farther proxy.
        #expect(try client(["X-Forwarded-For: 203.0.113.9", "Forwarded: for=10.0.0.3"]) == "203.0.113.9")
        // A proxy that writes only `Forwarded` hides its client, who may have sent the other field.
        #expect(try client(["X-Forwarded-For: 203.0.113.9", "Forwarded: for=_x"]) == nil)
        #expect(try client(["X-Forwarded-For: 203.0.113.9", "Forwarded: proto=https"]) == "203.0.113.9")
    }

    @Test func ignoresForwardingFieldsOfUntrustedPeers() throws {
        for field in ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Forwarded-For: unknown"] {
            #expect(try client([field], trusting: []) == "127.0.0.1")
        }
    }

    /// 32 KiB of elements are read once.
    @Test func longChainsCostLinearTime() throws {
        for (start, piece) in [
            ("X-Forwarded-For: ", "1,"), ("Forwarded: ", "for=\"\\a\","), ("Forwarded: for=\"", "\\\""),
            ("X-Forwarded-For: ", "a\u{301}"),
        ] {
            let growth = try CPUTime.growth(at: 4000) { length in
                let found = try client([start + String(repeating: piece, count: length / piece.utf8.count)])
                #expect(found == nil)
            }
            #expect(growth < 3, "\(piece)")
        }
    }

    // MARK: Through a gateway

    private func withProxied(
        _ change: (inout GatewayConfiguration) -> Void = { _ in }, logger: TestLog? = nil,
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok($0["x-real-ip"] ?? "-") }
        try await withGateway(endpoint: upstream.endpoint, logger: logger?.logger) { configuration in
            configuration.trustedProxies = [AddressRange("127.0.0.0/8")].compactMap { $0 }
            change(&configuration)
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    @Test func addressRulesApplyToTheClient() async throws {
        let proxy = try #require(AddressRange("127.0.0.0/8"))
        let client = try #require(AddressRange("203.0.113.0/24"))
        let other = try #require(AddressRange("192.0.2.0/24"))
        let rules: [(GatewayConfiguration.AddressRule, known: Int, nobody: Int)] = [
            (.init(allow: [proxy]), 403, 403), (.init(allow: [client]), 200, 403), (.init(deny: [client]), 403, 403),
            (.init(deny: [other]), 200, 403),
        ]
        for (rule, known, nobody) in rules {
            try await withProxied({ $0.routes[0].policies.addresses = rule }) { gateway in
                for field in ["X-Forwarded-For: 203.0.113.9:4711", "Forwarded: for=\"203.0.113.9:4711\""] {
                    let status = try await gateway.get("/api/x", headers: field + "\r\n").status
                    #expect(status == known)
                }
                for field in ["X-Forwarded-For: unknown", "X-Forwarded-For: 203.0.113.9, x", "Forwarded: for=_h"] {
                    let status = try await gateway.get("/api/x", headers: field + "\r\n").status
                    #expect(status == nobody)
                }
            }
        }
    }

    @Test func forwardsTheClientAddressOrNothing() async throws {
        try await withProxied { gateway in
            for (field, expected) in [
                ("X-Forwarded-For: [2001:db8::9]:4711", "2001:db8::9"), ("Forwarded: for=203.0.113.9", "203.0.113.9"),
                ("X-Forwarded-For: unknown", "unknown"), ("X-Forwarded-For: 203.0.113.9, x", "unknown"),
            ] {
                let text = try await gateway.get("/api/x", headers: field + "\r\n").text
                #expect(text == expected)
            }
        }
    }

    @Test func unknownClientsShareABucket() async throws {
        try await withProxied({
            $0.routes[0].policies.rateLimits = [.init(requests: 1, per: .hours(1))]
        }) { gateway in
            func status(_ field: String) async throws -> Int {
                try await gateway.get("/api/x", headers: "X-Forwarded-For: \(field)\r\n").status
            }
            var statuses: [Int] = []
            for field in ["203.0.113.9:1", "203.0.113.9:2", "unknown", "x", "203.0.113.8", "127.0.0.1"] {
                statuses.append(try await status(field))
            }
            #expect(statuses == [200, 429, 200, 429, 200, 200])
        }
    }

    @Test func accessLogShowsTheLimitedClient() async throws {
        let log = TestLog()
        try await withProxied({ $0.accessLogSample = 1 }, logger: log) { gateway in
            _ = try await gateway.get("/api/x", headers: "X-Forwarded-For: 203.0.113.9:4711\r\n")
            _ = try await gateway.get("/api/x", headers: "X-Forwarded-For: unknown\r\n")
            _ = try await gateway.get("/api/x")
        }
        let clients = log.entries.filter { $0.message == "request" }.map { $0.metadata["client"] }
        #expect(clients == ["203.0.113.9", "unknown", "127.0.0.1"])
    }
}
