import Foundation
import MartletCore
import MartletTesting
import NIOCore
import NIOSSL
import Testing

@testable import Gateway

/// TLS to an upstream that requires a client certificate.
@Suite struct UpstreamTLSTests {
    /// A server that presents `server` and accepts clients signed by `authority`.
    private func upstream(
        _ server: TestCertificates.Pair, callersOf authority: TestCertificates.Pair, checks: Shared<Int>? = nil
    ) async throws -> TestUpstream {
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(server.chain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: server.key, format: .pem)))
        settings.certificateVerification = .noHostnameVerification
        settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority.chain))
        return try await TestUpstream.start(tls: NIOSSLContext(configuration: settings)) { request in
            if request.startLine.contains("/health") { checks?.next() }
            return TestUpstream.ok()
        }
    }

    private func tls(
        ca: TestCertificates.Pair?, certificate: TestCertificates.Pair?, name: String? = "up.example"
    ) -> GatewayConfiguration.UpstreamTLS {
        var tls = GatewayConfiguration.UpstreamTLS()
        tls.authorityPath = ca?.chain
        tls.certificate = certificate.map { .init(chainPath: $0.chain, keyPath: $0.key) }
        tls.serverName = name
        return tls
    }

    @Test func verifiesBothSides() async throws {
        try await TestCertificates.with { made in
            let (ca, other) = (try made.make("ca", as: "ca"), try made.make("other", as: "other"))
            let server = try made.make("up.example", as: "server", signedBy: ca)
            let gatewayPair = try made.make("gateway", as: "gateway", signedBy: ca)
            let stranger = try made.make("stranger", as: "stranger", signedBy: other)
            let upstream = try await upstream(server, callersOf: ca)
            let cases = [
                (tls(ca: ca, certificate: gatewayPair), 200),
                // Wrong server: another authority, the system's authorities, another name, its address.
                (tls(ca: other, certificate: gatewayPair), 502), (tls(ca: nil, certificate: gatewayPair), 502),
                (tls(ca: ca, certificate: gatewayPair, name: "down.example"), 502),
                (tls(ca: ca, certificate: gatewayPair, name: nil), 502),
                // Wrong client: no certificate, an unknown one.
                (tls(ca: ca, certificate: nil), 502), (tls(ca: ca, certificate: stranger), 502),
            ]
            for (index, (tls, status)) in cases.enumerated() {
                try await withGateway(endpoint: upstream.endpoint, configure: { $0.upstreams[0].tls = tls }) {
                    gateway in
                    for _ in 0..<2 {
                        let response = try await gateway.get("/api/x")
                        #expect(response.status == status, "case \(index)")
                    }
                    let post = try await gateway.exchange(
                        "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                    #expect(post.status == status, "case \(index)")
                }
            }
            await upstream.stop()
        }
    }

    @Test func healthChecksUseTheSameTLS() async throws {
        try await TestCertificates.with { made in
            let ca = try made.make("ca", as: "ca")
            let server = try made.make("up.example", as: "server", signedBy: ca)
            let pair = try made.make("gateway", as: "gateway", signedBy: ca)
            let checks = Shared(0)
            let upstream = try await upstream(server, callersOf: ca, checks: checks)
            for certificate in [pair, nil] {
                try await withGateway(endpoint: upstream.endpoint) {
                    $0.upstreams[0].tls = tls(ca: ca, certificate: certificate)
                    $0.upstreams[0].breaker?.maximumEjected = 100
                    var check = GatewayConfiguration.HealthCheck(path: "/health")
                    check.interval = .milliseconds(20)
                    check.unhealthyThreshold = 1
                    $0.upstreams[0].health = check
                } _: { gateway in
                    if certificate != nil {
                        try await eventually("several checks") { checks.value > 3 }
                        #expect(try await gateway.get("/api/x").status == 200)
                    } else {
                        try await eventually("an unhealthy endpoint") { try await gateway.get("/api/x").status == 503 }
                    }
                }
            }
            await upstream.stop()
        }
    }

    @Test func picksUpRenewedCertificates() async throws {
        try await TestCertificates.with { made in
            let (ca, next) = (try made.make("ca", as: "ca"), try made.make("next", as: "next"))
            let server = try made.make("up.example", as: "server", signedBy: ca)
            let pair = try made.make("gateway", as: "gateway", signedBy: ca)
            let upstream = try await upstream(server, callersOf: next)
            var configuration = GatewayConfiguration(port: 0)
            configuration.upstreams = [.init(name: "test", endpoints: [upstream.endpoint])]
            configuration.upstreams[0].tls = tls(ca: ca, certificate: pair)
            configuration.routes = [.init(.prefix("/api"), upstream: "test")]
            let same = configuration
            try await withGateway(configure: {
                $0.upstreams = same.upstreams
                $0.routes = same.routes
            }) { gateway in
                let before = try await gateway.get("/api/x").status
                #expect(before == 502)
                try made.make("gateway", as: "gateway", signedBy: next)
                try await gateway.gateway.reload(same)
                let after = try await gateway.get("/api/x").status
                #expect(after == 200)
                // An invalid file changes nothing.
                try Data("none".utf8).write(to: URL(fileURLWithPath: pair.chain))
                await #expect(throws: GatewayError.self) { try await gateway.gateway.reload(same) }
                let kept = try await gateway.get("/api/x").status
                #expect(kept == 200)
            }
            await upstream.stop()
        }
    }

    @Test func readsTLSFromTheFile() throws {
        func read(_ text: String) throws -> GatewayConfiguration {
            var configuration = GatewayConfiguration()
            let errors = ConfigErrors()
            // The files that it names do not exist.
            _ = try GatewayFile.parse(text, name: "f", into: &configuration, errors)
            try errors.throwIfAny(in: "f")
            return configuration
        }
        let upstreams = try read(
            """
            upstreams:
              a: {endpoints: ["https://10.0.0.1:8443"]}
              b:
                endpoints: [{url: "https://b.example:443", weight: 2}]
                tls: {ca: /ca.pem, certificate: /c.pem, key: /k.pem, server_name: b.internal}
              c: {endpoints: ["http://10.0.0.1:80"]}
              d: {discovery: {dns: {name: d.test, port: 8443}}, tls: {}}
              e: {discovery: {dns: {name: e.test, port: 8443}}}
            """
        ).upstreams
        #expect(upstreams[0].tls == GatewayConfiguration.UpstreamTLS())
        #expect(upstreams[0].endpoints == [.tcp(host: "10.0.0.1", port: 8443)])
        #expect(upstreams[1].tls?.certificate == .init(chainPath: "/c.pem", keyPath: "/k.pem"))
        #expect(upstreams[1].tls?.serverName == "b.internal")
        #expect(upstreams[2].tls == nil)
        #expect(upstreams[3].tls == GatewayConfiguration.UpstreamTLS())
        #expect(upstreams[4].tls == nil)
        for text in [
            "upstreams: {a: {endpoints: [\"https://a:1\", \"http://a:2\"]}}",
            "upstreams: {a: {endpoints: [\"http://a:2\"], tls: {}}}", "upstreams: {a: {endpoints: [\"https://a\"]}}",
            "upstreams: {a: {endpoints: [\"https://a:1\"], tls: {certificate: /c.pem}}}",
            "upstreams: {a: {endpoints: [\"https://a:1\"], tls: {verify: false}}}",
        ] {
            #expect(throws: GatewayFileError.self) { _ = try read(text) }
        }
    }
}
