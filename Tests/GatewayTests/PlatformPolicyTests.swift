import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// Policies of the routes that exist without a file.
@Suite struct PlatformPolicyTests {
    private func withPlatform(_ file: String, _ body: (GatewayFixture) async throws -> Void) async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok($0.startLine) }
        var base = GatewayConfiguration(
            port: 0, upstreams: [.init(name: "accounts", endpoints: [upstream.endpoint])],
            routes: ["/api/auth", "/api/users"].map { .init(.prefix($0), upstream: "accounts") })
        try GatewayFile.read(file, name: "f", into: &base)
        try await withGateway(configure: { configuration in
            configuration.upstreams = base.upstreams
            configuration.routes = base.routes
        }) {
            try await body($0)
        }
        await upstream.stop()
    }

    @Test func corsAppliesToThePlatformsRoutes() async throws {
        try await withPlatform(
            """
            platform:
              cors: {origins: ["https://app.example.org"], credentials: true}
              response_headers: {set: {X-From: platform}}
            routes: [{path: /own, respond: {}}]
            """
        ) { gateway in
            let preflight = try await gateway.exchange(
                "OPTIONS /api/users HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.org\r\n"
                    + "Access-Control-Request-Method: PATCH\r\n\r\n")
            #expect(preflight.status == 204)
            #expect(preflight["access-control-allow-origin"] == "https://app.example.org")
            let answer = try await gateway.get("/api/auth/me", headers: "Origin: https://app.example.org\r\n")
            #expect(answer.status == 200 && answer["access-control-allow-credentials"] == "true")
            #expect(answer["x-from"] == "platform")
            let own = try await gateway.get("/own", headers: "Origin: https://app.example.org\r\n")
            #expect(own["access-control-allow-origin"] == nil && own["x-from"] == nil)
        }
    }

    @Test func rateLimitCountsAllRoutesTogether() async throws {
        try await withPlatform("platform: {rate_limit: [{requests: 2, per: 1h}]}") { gateway in
            var statuses: [Int] = []
            for path in ["/api/auth", "/api/users", "/api/auth"] {
                statuses.append(try await gateway.get(path).status)
            }
            #expect(statuses == [200, 200, 429])
        }
    }

    @Test func addressRulesApplyToThePlatformsRoutes() async throws {
        try await withPlatform("platform: {addresses: {deny: [127.0.0.0/8]}}") { gateway in
            let status = try await gateway.get("/api/users").status
            #expect(status == 403)
        }
    }

    @Test(arguments: [
        ("platform: {authentication: {}}", "f:1: platform.authentication: unknown key"),
        ("platform: {rate_limit: [{by: user, requests: 1, per: 1s}]}", "f:1: platform.rate_limit: cannot count by"),
        ("platform: {rate_limit: [{requests: 1, per: 1s, shared: true}]}", "f:1: platform.rate_limit: has a shared"),
        ("platform: yes", "f:1: platform: must be a mapping such as {cors: "),
    ])
    func reportsPoliciesThatCannotApply(_ text: String, _ complaint: String) {
        var configuration = GatewayConfiguration()
        let error = #expect(throws: GatewayFileError.self) {
            try GatewayFile.read(text, name: "f", into: &configuration)
        }
        #expect(error?.lines.first?.hasPrefix(complaint) == true, "\(error?.lines ?? [])")
    }
}
