import MartletCore
import MartletTelemetry
import MartletTokens
import NIOCore
import Testing

@testable import Gateway

/// `%2F` in paths, on routes that allow it.
@Suite struct EncodedSlashTests {
    private func withRoutes(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { TestUpstream.ok($0.startLine) }
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            var route = GatewayConfiguration.RouteRule(.prefix("/projects"), upstream: "test")
            route.keepsEncodedSlashes = true
            configuration.routes.append(route)
            configure(&configuration)
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    @Test func areKeptWhereTheRouteAllowsThem() async throws {
        try await withRoutes { gateway in
            for (path, expected) in [
                ("/projects/group%2Fname/issues", "/projects/group%2Fname/issues"),
                ("/projects/group%2fn%61me", "/projects/group%2Fname"), ("/projects/a%2F", "/projects/a%2F"),
            ] {
                let answer = try await gateway.get(path)
                #expect(answer.text == "GET \(expected) HTTP/1.1")
            }
            for path in ["/api/a%2Fb", "/nowhere/a%2Fb", "/projects%2Fa"] {
                let status = try await gateway.get(path).status
                #expect(status == 400, "\(path)")
            }
        }
    }

    @Test(arguments: [
        "/projects/a%2F..", "/projects/a%2F..%2Fb", "/projects/..%2Fadmin", "/projects/%2e%2e%2fadmin",
        "/projects/a%2F.%2Fb", "/projects/a%2F%2Fb", "/projects/%2Fa", "/projects/a%2F/b", "/projects/a%2F;x",
        "/projects/a%2F%3Bx", "/projects/a%2F..;x", "/projects/a%252Fb", "/projects/a%5Cb", "/projects/a%2F%00",
    ])
    func cannotHideDotOrEmptySegments(_ path: String) async throws {
        try await withRoutes { gateway in
            let status = try await gateway.get(path).status
            #expect(status == 400)
        }
    }

    /// A service that decodes first must not be reachable at a path guarded by another route.
    @Test func cannotBypassAnotherRoutesPolicies() async throws {
        try await withRoutes({ configuration in
            for path in ["/projects/secret", "/projects/x/Admin"] {
                var guarded = GatewayConfiguration.RouteRule(.prefix(path), upstream: "test")
                guarded.policies.authentication = .init(
                    apiKeys: .init(keys: [.init(name: "k", digest: Array(repeating: 1, count: 32))]))
                configuration.routes.append(guarded)
            }
        }) { gateway in
            for path in [
                "/projects%2Fsecret", "/projects/x%2Fadmin", "/projects/x%2FAdmin%2Fy", "/projects/x%2fADMIN;a",
                "/projects/x;a%2Fadmin",
            ] {
                let status = try await gateway.get(path).status
                #expect(status == 404 || status == 400, "\(path): \(status)")
            }
            let other = try await gateway.get("/projects/x%2Fother").status
            #expect(other == 200)
            // The guarded route itself does not allow it.
            let own = try await gateway.get("/projects/secret/a%2Fb").status
            #expect(own == 400)
        }
    }

    @Test func applyToUpstreamsOnly() {
        var route = GatewayConfiguration.RouteRule(.prefix("/a"), action: .respond(.init()))
        route.keepsEncodedSlashes = true
        #expect(throws: GatewayError.self) {
            _ = try Gateway(
                configuration: GatewayConfiguration(port: 0, routes: [route]), metrics: .init(),
                logger: TestLog().logger, eventLoopGroup: peerLoops)
        }
    }
}
