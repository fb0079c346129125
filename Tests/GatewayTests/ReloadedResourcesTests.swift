import NIOCore
import MartletTesting
import Testing

@testable import Gateway

/// The state that survives a reload.
@Suite struct ReloadedResourcesTests {
    @Test func changedLimitsKeepTheirCounts() {
        var queue = ConcurrencyQueue<String>()
        func enter(_ name: String, _ limit: Int) -> ConcurrencyQueue<String>.Entry {
            queue.enter(orWait: name, limit: limit, maximumWaiting: 10)
        }
        #expect((0..<4).map { enter("\($0)", 4) } == [.entered, .entered, .entered, .entered])
        #expect(enter("a", 2) == .waiting(1))
        // Four requests run, and two are allowed.
        let first = queue.leave()
        let second = queue.leave()
        let third = queue.leave()
        #expect(first == [] && second == [] && third == ["a"])
        #expect(enter("b", 2) == .waiting(2))
        #expect(enter("c", 2) == .waiting(3))
        #expect(enter("d", 4) == .entered)
        // Four are allowed again: leaving admits as many as fit.
        let fourth = queue.leave()
        #expect(fourth == ["b", "c"])
        #expect(queue.running == 4 && queue.waiting == 0)
    }

    @Test func limitsShareOneCountAcrossReloads() async throws {
        let upstream = try await TestUpstream.start()
        var configuration = GatewayConfiguration(port: 0)
        configuration.upstreams = [.init(name: "test", endpoints: [upstream.endpoint])]
        configuration.routes = [.init(.prefix("/api"), upstream: "test")]
        configuration.routes[0].concurrency = .init(limit: 1)
        let start = configuration
        try await withGateway(configure: { $0 = start }) { gateway in
            let (client, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            var status = try await gateway.get("/api/y").status
            #expect(status == 503)
            configuration.routes[0].concurrency?.limit = 2
            try await gateway.gateway.reload(configuration)
            let (second, other) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            // The first request still counts.
            status = try await gateway.get("/api/y").status
            #expect(status == 503)
            for (client, server) in [(client, server), (second, other)] {
                try await server.send(TestUpstream.ok())
                status = try await client.response().status
                #expect(status == 200)
                await client.close()
            }
        }
        await upstream.stop()
    }

    @Test func slotsOfRemovedRoutesAreReused() {
        let labels = RouteLabels()
        var slots: Set<Int> = []
        for generation in 0..<1000 {
            let names = Set((0..<3).map { "/\(generation)/\($0)" })
            for name in names { slots.insert(labels.label(name).slot) }
            _ = labels.keep(names)
        }
        #expect(slots.count <= 12, "\(slots.count)")
        #expect(labels.all.count <= 15)
        #expect(labels.label("/999/0").slot == labels.label("/999/0").slot)
        #expect(labels.all[RouteLabel.unmatched.slot] == "(unmatched)")
    }

    @Test func removedRoutesLoseTheirCounts() async throws {
        var configuration = GatewayConfiguration(port: 0)
        func routes(_ names: [String]) -> [GatewayConfiguration.RouteRule] {
            names.map { .init(.exact("/\($0)"), action: .respond(.init(body: $0))) }
        }
        configuration.routes = routes(["a", "b"])
        let start = configuration
        try await withGateway(configure: { $0 = start }) { gateway in
            func count(_ name: String) -> String? {
                gateway.metric("gateway_requests_total{method=\"GET\",route=\"/\(name)\"")?
                    .split(separator: " ").last.map(String.init)
            }
            _ = try await gateway.get("/a")
            _ = try await gateway.get("/b")
            // A request is counted after its response has been written.
            try await eventually("the counts") { count("a") == "1" && count("b") == "1" }
            for generation in 0..<5 {
                configuration.routes = routes(["b", "c\(generation)"])
                try await gateway.gateway.reload(configuration)
                _ = try await gateway.get("/c\(generation)")
                try await eventually("the count") { count("c\(generation)") == "1" }
            }
            #expect(count("a") == nil && count("c0") == nil && count("b") == "1")
            // A removed counter that returns starts at zero.
            configuration.routes = routes(["a", "b"])
            try await gateway.gateway.reload(configuration)
            _ = try await gateway.get("/a")
            _ = try await gateway.get("/b")
            try await eventually("the counts") { count("a") == "1" && count("b") == "2" }
        }
    }
}
