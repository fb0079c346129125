import Crypto
import MartletCore
import MartletTokens
import NIOCore
import Testing

@testable import Gateway

/// Invalid credentials are counted before they are verified.
@Suite struct CredentialFloodTests {
    private func withRoute(
        _ limits: [GatewayConfiguration.RateLimit], _ change: (inout GatewayConfiguration.RouteRule) -> Void = { _ in },
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            var issuer = TokenIssuer()
            issuer.keys = [.init(.hs256, id: "k", material: Array("a secret of the tests, 32 bytes and more".utf8))]
            configuration.routes[0].policies.authentication = .init(
                tokens: issuer,
                apiKeys: .init(keys: [
                    .init(name: "robot", digest: Array(SHA.of("right")))
                ]))
            configuration.routes[0].policies.rateLimits = limits
            change(&configuration.routes[0])
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    private func statuses(_ gateway: GatewayFixture, _ header: String, _ count: Int) async throws -> [Int] {
        var statuses: [Int] = []
        for _ in 0..<count { statuses.append(try await gateway.get("/api/x", headers: header + "\r\n").status) }
        return statuses
    }

    private func expect(_ gateway: GatewayFixture, _ header: String, _ expected: [Int]) async throws {
        let found = try await statuses(gateway, header, expected.count)
        #expect(found == expected)
    }

    /// Header, payload and signature are well-formed. Only the key shows that the token is invalid.
    private static let forged =
        "Authorization: Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiI3IiwiZXhwIjo0MDAwMDAwMDAwfQ."
        + String(repeating: "A", count: 43)

    @Test(arguments: [GatewayConfiguration.RateLimit.Key.client, .user])
    func limitsWrongCredentials(_ key: GatewayConfiguration.RateLimit.Key) async throws {
        try await withRoute([.init(by: key, requests: 2, per: .hours(1))]) { gateway in
            try await expect(gateway, Self.forged, [401, 401, 429, 429])
        }
        try await withRoute([.init(by: key, requests: 2, per: .hours(1))]) { gateway in
            try await expect(gateway, "X-API-Key: wrong", [401, 401, 429, 429])
        }
    }

    @Test func validCredentialsAreNotCounted() async throws {
        try await withRoute([.init(by: .user, requests: 2, per: .hours(1))]) { gateway in
            try await expect(gateway, Self.forged, [401, 401, 429])
            // Valid credentials count for the user.
            try await expect(gateway, "X-API-Key: right", [200, 200, 429])
        }
    }

    /// Requests with invalid credentials do not consume the limits of others.
    @Test func wrongCredentialsDoNotUseUpOtherLimits() async throws {
        let limits = [
            GatewayConfiguration.RateLimit(by: .route, requests: 2, per: .hours(1)),
            .init(by: .header("X-Tenant"), requests: 2, per: .hours(1)),
        ]
        try await withRoute(limits) { gateway in
            try await expect(gateway, Self.forged + "\r\nX-Tenant: a", [401, 401, 401, 401])
            try await expect(gateway, "X-API-Key: right\r\nX-Tenant: a", [200, 200, 429])
        }
    }

    @Test func refundRestoresTheCount() {
        let limiter = RateLimiter()
        let second: Int64 = 1_000_000_000
        func admits() -> Bool { limiter.admit(7, interval: second, burst: 2, now: 0).isAdmitted }
        #expect(admits() && admits() && !admits())
        limiter.refund(7, interval: second)
        #expect(admits() && !admits())
        // Refunds never exceed the limit.
        for _ in 0..<9 { limiter.refund(7, interval: second) }
        #expect(admits() && admits() && !admits())
    }
}

private enum SHA {
    static func of(_ text: String) -> SHA256.Digest { SHA256.hash(data: Array(text.utf8)) }
}
