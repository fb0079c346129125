import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// The host, path and port that a service sees, and those that clients see in its responses.
@Suite struct UpstreamNamesTests {
    private func withEcho(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (GatewayFixture, Endpoint) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { request in
            let lines = request.headers.map { "\($0.name.lowercased()): \($0.value)" }.joined(separator: "\n")
            return TestUpstream.ok("\(request.startLine)\n\(lines)\n")
        }
        try await withGateway(endpoint: upstream.endpoint, configure: configure) {
            try await body($0, upstream.endpoint)
        }
        await upstream.stop()
    }

    @Test func forwardsTheClientsHostByDefault() async throws {
        try await withEcho { gateway, _ in
            let text = try await gateway.get("/api/x").text
            #expect(text.contains("\nhost: example.com\n"))
        }
    }

    @Test func hostCanBeSet() async throws {
        try await withEcho {
            $0.upstreams[0].host = .literal("shop.internal:8443")
        } _: { gateway, _ in
            for target in ["/api/x", "http://example.com/api/x"] {
                let text = try await gateway.get(target).text
                #expect(text.contains("\nhost: shop.internal:8443\n"))
                #expect(text.split(separator: "\n").count { $0.hasPrefix("host: ") } == 1)
                #expect(text.contains("\nx-forwarded-host: example.com\n"))
                #expect(text.contains("host=\"example.com\""))
            }
        }
    }

    @Test func hostCanBeTheEndpointsOwn() async throws {
        try await withEcho {
            $0.upstreams[0].host = .upstream
        } _: { gateway, endpoint in
            let name = String(endpoint.description.dropFirst("http://".count))
            let text = try await gateway.get("/api/x").text
            #expect(text.contains("\nhost: \(name)\n"))
        }
    }

    @Test func everyEndpointHasItsOwnHost() async throws {
        func start(_ name: String) async throws -> TestUpstream {
            try await TestUpstream.start { TestUpstream.ok("\(name) \($0["host"] ?? "")") }
        }
        let (first, second) = (try await start("first"), try await start("second"))
        try await withGateway(endpoint: first.endpoint) { configuration in
            configuration.upstreams[0].endpoints.append(second.endpoint)
            configuration.upstreams[0].host = .upstream
            configuration.routes.append(
                .init(
                    .exact("/all"),
                    action: .aggregate(
                        {
                            var aggregate = GatewayConfiguration.Aggregate()
                            aggregate.parts = [.init(name: "one", upstream: "test", path: "/x")]
                            return aggregate
                        }())))
        } _: { gateway in
            var answers: Set<String> = []
            for _ in 0..<4 { answers.insert(try await gateway.get("/api/x").text) }
            #expect(
                answers == [
                    "first \(first.endpoint.authority(isSecure: false))",
                    "second \(second.endpoint.authority(isSecure: false))",
                ])
        }
        await first.stop()
        await second.stop()
    }

    @Test func omitsTheDefaultPort() {
        #expect(Endpoint.tcp(host: "a.example", port: 443).authority(isSecure: true) == "a.example")
        #expect(Endpoint.tcp(host: "a.example", port: 443).authority(isSecure: false) == "a.example:443")
        #expect(Endpoint.tcp(host: "::1", port: 80).authority(isSecure: false) == "[::1]")
        #expect(Endpoint.unix(path: "/a").authority(isSecure: false) == "localhost")
    }

    @Test func forwardsTheStrippedPrefix() async throws {
        try await withEcho {
            $0.routes[0].rewrite = .init(stripPrefix: "/api")
            $0.trustedProxies = ["127.0.0.0/8"].compactMap { AddressRange($0) }
        } _: { gateway, _ in
            var text = try await gateway.get("/api/x").text
            #expect(text.hasPrefix("GET /x "))
            #expect(text.contains("\nx-forwarded-prefix: /api\n"))
            // The prefix removed by a trusted proxy comes first.
            text = try await gateway.get(
                "/api/x", headers: "X-Forwarded-Prefix: /outer/\r\nX-Forwarded-Port: 8443\r\n"
            ).text
            #expect(text.contains("\nx-forwarded-prefix: /outer/api\n"))
            #expect(text.contains("\nx-forwarded-port: 8443\n"))
            for wrong in ["//evil.example", "evil", "/\\evil", "/a b", "/" + String(repeating: "a", count: 2000)] {
                text = try await gateway.get(
                    "/api/x", headers: "X-Forwarded-Prefix: \(wrong)\r\nX-Forwarded-Port: 0\r\n"
                ).text
                #expect(text.contains("\nx-forwarded-prefix: /api\n"), "\(wrong)")
                #expect(!text.contains("x-forwarded-port"))
            }
        }
    }

    @Test func untrustedClientsCannotSetForwardedHostOrPrefix() async throws {
        try await withEcho { gateway, _ in
            let text = try await gateway.get(
                "/api/x", headers: "X-Forwarded-Prefix: /x\r\nX-Forwarded-Port: 1\r\n"
            ).text
            #expect(!text.contains("x-forwarded-prefix") && !text.contains("x-forwarded-port"))
        }
    }

    @Test func tracestateIsKeptOnlyWithItsTrace() async throws {
        try await withEcho { gateway, _ in
            let id = "0af7651916cd43dd8448eb211c80319c"
            for (parent, isKept, flags) in [
                ("traceparent: 00-\(id)-b7ad6b7169203331-03\r\n", true, "03"),
                ("traceparent: 00-\(id)-b7ad6b7169203331-02\r\n", true, "02"),
                ("traceparent: 00-\(id)-b7ad6b7169203331-01\r\n", true, "01"),
                ("traceparent: 00-\(id)-0000000000000000-01\r\n", false, "00"), ("", false, "00"),
                ("traceparent: 00-\(id)-b7ad6b7169203331-01\r\ntraceparent: x\r\n", false, "00"),
            ] {
                let text = try await gateway.get("/api/x", headers: "\(parent)Tracestate: a=b\r\n").text
                #expect(text.contains("tracestate: a=b") == isKept, "\(parent)")
                #expect(text.contains("traceparent: 00-\(id)") == isKept)
                let line = text.split(separator: "\n").first { $0.hasPrefix("traceparent: ") }
                #expect(line?.hasSuffix("-\(flags)") == true, "\(parent)")
            }
        }
    }

    @Test func healthChecksSendConfiguredHostAndHeaders() async throws {
        let upstream = try await TestUpstream.start { request in
            guard request.startLine.contains("/health") else { return TestUpstream.ok() }
            let isRight = request["host"] == "shop.example.org" && request["x-probe"] == "1"
            return "HTTP/1.1 \(isRight ? 401 : 400) X\r\nContent-Length: 0\r\n\r\n"
        }
        let log = TestLog()
        try await withGateway(endpoint: upstream.endpoint, logger: log.logger) { configuration in
            var check = GatewayConfiguration.HealthCheck(path: "/health")
            check.interval = .milliseconds(20)
            check.unhealthyThreshold = 1
            check.host = "shop.example.org"
            check.headers = ["X-Probe": "1"]
            check.statuses = [200...299, 401...401]
            var wrong = configuration.upstreams[0]
            wrong.name = "wrong"
            configuration.upstreams[0].health = check
            check.host = nil
            wrong.health = check
            configuration.upstreams.append(wrong)
        } _: { gateway in
            try await eventually("an unhealthy endpoint") { log.messages.contains("endpoint is unhealthy") }
            let entries = log.entries.filter { $0.message == "endpoint is unhealthy" }
            #expect(entries.map { $0.metadata["upstream"] } == ["wrong"])
            #expect(entries.first?.metadata["answer"] == "400")
            #expect(entries.first?.metadata["path"] == "/health")
        }
        await upstream.stop()
    }
}
