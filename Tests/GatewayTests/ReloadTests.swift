import Dispatch
import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// A configuration takes effect as a whole or not at all, and is compiled away from the event loops.
@Suite struct ReloadTests {
    @Test func failedReloadChangesNothing() async throws {
        try await TestCertificates.with { made in
            let pair = try made.make("a.example", as: "a")
            var tls = GatewayConfiguration.TLS(certificates: [.init(chainPath: pair.chain, keyPath: pair.key)])
            try await withGateway(configure: {
                $0.tls = tls
                $0.limits.cache = 1 << 20
                var route = GatewayConfiguration.RouteRule(.exact("/a"), action: .respond(.init()))
                route.policies.rateLimits = [.init(requests: 1, per: .hours(1))]
                $0.routes = [route]
            }) { gateway in
                let resources = gateway.gateway.resources
                #expect(resources.cache.maximum == 1 << 20)
                var configuration = gateway.gateway.current.settings.configuration
                configuration.limits.cache = 0
                configuration.routes = []
                tls.certificates = [.init(chainPath: "/nonexistent.pem", keyPath: "/nonexistent.key")]
                configuration.tls = tls
                await #expect(throws: GatewayError.self) { try await gateway.gateway.reload(configuration) }
                #expect(resources.cache.maximum == 1 << 20)
                #expect(resources.rateLimits.count == 1)
                #expect(gateway.gateway.current.settings.routes.count == 1)
            }
        }
    }

    /// While a file is compiled, requests and the administration are answered.
    @Test func compilesConfigurationsOnTheirOwnThread() async throws {
        try await withGateway(configure: {
            $0.routes = [.init(.exact("/a"), action: .respond(.init(status: 200)))]
        }) { gateway in
            let gate = DispatchSemaphore(value: 0)
            ConfigurationThread.queue.async { gate.wait() }
            var configuration = gateway.gateway.current.settings.configuration
            configuration.routes = [.init(.exact("/a"), action: .respond(.init(status: 201)))]
            async let reloading: Void = gateway.gateway.reload(configuration)
            for _ in 0..<20 {
                let status = try await gateway.get("/a").status
                #expect(status == 200)
                _ = gateway.gateway.state
            }
            gate.signal()
            try await reloading
            let status = try await gateway.get("/a").status
            #expect(status == 201)
        }
    }
}
