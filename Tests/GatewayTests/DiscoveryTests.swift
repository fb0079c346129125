import MartletCore
import MartletDiscovery
import MartletTelemetry
import MartletTesting
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Gateway

/// Upstreams whose endpoints come from a registry: a test server that speaks Consul's protocol.
@Suite struct DiscoveryTests {
    /// The registry's content and index.
    private final class Registry: Sendable {
        private let state = Mutex<(body: String?, index: Int)>(("[]", 1))
        private let asked = Mutex(0)
        private let server = Mutex<TestUpstream?>(nil)
        let address: String

        private init(_ address: String) { self.address = address }

        static func start() async throws -> Registry {
            let holder = Shared<Registry?>(nil)
            // A blocking query returns soon even without a change.
            let server = try await TestUpstream.start { _ in holder.value?.answer ?? "" }
            let registry = Registry(server.endpoint.description)
            registry.server.withLock { $0 = server }
            holder.set(registry)
            return registry
        }

        private var answer: String {
            asked.withLock { $0 += 1 }
            let (body, index) = state.withLock { $0 }
            guard let body else { return "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n" }
            return "HTTP/1.1 200 OK\r\nX-Consul-Index: \(index)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }

        func say(_ endpoints: [Endpoint]) {
            let entries = endpoints.map { endpoint in
                let (host, port) = if case .tcp(let host, let port) = endpoint { (host, port) } else { ("", 0) }
                return #"{"Service":{"Address":"\#(host)","Port":\#(port)}}"#
            }
            state.withLock { $0 = ("[\(entries.joined(separator: ","))]", $0.index + 1) }
        }

        /// The number of queries.
        var questions: Int { asked.withLock { $0 } }

        /// Keeps responding, but with errors.
        func fail() { state.withLock { $0.body = nil } }

        func stop() async { await server.withLock { $0 }?.stop() }

        var discovery: GatewayConfiguration.Discovery {
            var discovery = GatewayConfiguration.Discovery(.consul(ConsulSource(address: address, service: "shop")))
            discovery.emptyHold = .milliseconds(100)
            return discovery
        }
    }

    private func withDiscovered(
        _ registry: Registry, upstream: (inout GatewayConfiguration.Upstream) -> Void = { _ in },
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        try await withGateway(configure: { $0 = configuration(registry, $0, upstream) }, body)
        await registry.stop()
    }

    /// Two upstreams that respond with their names, and a registry that lists neither yet.
    private func withDiscovered(
        _ first: String, _ second: String,
        _ body: (GatewayFixture, Registry, TestUpstream, TestUpstream) async throws -> Void
    ) async throws {
        let registry = try await Registry.start()
        let one = try await TestUpstream.start { _ in TestUpstream.ok(first) }
        let other = try await TestUpstream.start { _ in TestUpstream.ok(second) }
        try await withDiscovered(registry) { try await body($0, registry, one, other) }
        await one.stop()
        await other.stop()
    }

    private func configuration(
        _ registry: Registry, _ base: GatewayConfiguration,
        _ change: (inout GatewayConfiguration.Upstream) -> Void = { _ in }
    ) -> GatewayConfiguration {
        var configuration = base
        var upstream = GatewayConfiguration.Upstream(name: "test", endpoints: [])
        upstream.discovery = registry.discovery
        change(&upstream)
        configuration.upstreams = [upstream]
        configuration.routes = [.init(.prefix("/api"), upstream: "test")]
        return configuration
    }

    /// Sends requests until exactly these responses arrive.
    private func answers(_ gateway: GatewayFixture, become expected: Set<String>) async throws {
        try await eventually("\(expected)") {
            var seen: Set<String> = []
            for _ in 0..<6 {
                let answer = try await gateway.get("/api")
                seen.insert(answer.status == 200 ? answer.text : "\(answer.status)")
            }
            return seen == expected
        }
    }

    @Test func answers503UntilEndpointsAreDiscoveredAndFollowsChanges() async throws {
        try await withDiscovered("first", "second") { gateway, registry, first, second in
            let answer = try await gateway.get("/api")
            #expect(answer.status == 503)
            #expect(answer["content-type"] == "application/problem+json")
            registry.say([first.endpoint])
            try await answers(gateway, become: ["first"])
            registry.say([first.endpoint, second.endpoint])
            try await answers(gateway, become: ["first", "second"])
            registry.say([second.endpoint])
            try await answers(gateway, become: ["second"])
            registry.say([])
            try await answers(gateway, become: ["503"])
        }
    }

    @Test func changedListKeepsConnectionsToRemainingEndpoints() async throws {
        try await withDiscovered("stays", "comes") { gateway, registry, stays, comes in
            registry.say([stays.endpoint])
            try await answers(gateway, become: ["stays"])
            for _ in 0..<3 {
                registry.say([stays.endpoint, comes.endpoint])
                try await answers(gateway, become: ["stays", "comes"])
                registry.say([stays.endpoint])
                try await answers(gateway, become: ["stays"])
            }
            #expect(stays.acceptedCount == 1)
            // The metrics of the removed endpoint are dropped.
            #expect(gateway.metrics.exposition().contains("endpoint=\"\(stays.endpoint)\""))
            let isForgotten = !gateway.metrics.exposition().contains("endpoint=\"\(comes.endpoint)\"")
            #expect(isForgotten)
        }
    }

    @Test func losesNoRequestWhenTheListChanges() async throws {
        try await withDiscovered("first", "second") { gateway, registry, first, second in
            registry.say([first.endpoint])
            try await answers(gateway, become: ["first"])
            let failed = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let client = try await gateway.connect()
                        var failed = 0
                        for _ in 0..<500 {
                            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                            if try await client.response().status != 200 { failed += 1 }
                        }
                        await client.close()
                        return failed
                    }
                }
                for turn in 0..<6 {
                    registry.say(turn % 2 == 0 ? [second.endpoint] : [first.endpoint, second.endpoint])
                    try await answers(gateway, become: turn % 2 == 0 ? ["second"] : ["first", "second"])
                }
                return try await group.reduce(0, +)
            }
            #expect(failed == 0)
        }
    }

    @Test func keepsEndpointsAcrossReloadWithoutTheRegistry() async throws {
        let registry = try await Registry.start()
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        registry.say([upstream.endpoint])
        try await withDiscovered(registry) { gateway in
            try await answers(gateway, become: ["here"])
            registry.fail()
            var changed = configuration(registry, GatewayConfiguration(port: 0))
            changed.routes.append(.init(.prefix("/other"), upstream: "test"))
            try await gateway.gateway.reload(changed)
            #expect(try await gateway.get("/other").text == "here")
            #expect(try await gateway.get("/api").text == "here")
            #expect(upstream.acceptedCount == 1)
            try await eventually("the loss") { source(gateway)?["is_reachable"]?.boolValue == false }
            #expect(source(gateway)?["source"]?.stringValue == "consul \(registry.address) shop")
            #expect(source(gateway)?["error"]?.stringValue?.isEmpty == false)
            #expect(try await gateway.get("/api").text == "here")
        }
        await upstream.stop()
    }

    private func source(_ gateway: GatewayFixture) -> JSONValue? {
        gateway.gateway.state["upstreams"]?.arrayValue?.first?["discovery"]
    }

    @Test func changedRegistrySettingsKeepKnownEndpoints() async throws {
        let registry = try await Registry.start()
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        registry.say([upstream.endpoint])
        try await withDiscovered(registry) { gateway in
            try await answers(gateway, become: ["here"])
            registry.fail()
            func reload(_ change: (inout ConsulSource, inout GatewayConfiguration.Discovery) -> Void) async throws {
                try await gateway.gateway.reload(
                    configuration(registry, GatewayConfiguration(port: 0)) { upstream in
                        guard var discovery = upstream.discovery, case .consul(var consul) = discovery.source else {
                            return
                        }
                        change(&consul, &discovery)
                        discovery.source = .consul(consul)
                        upstream.discovery = discovery
                    })
            }
            try await reload { consul, _ in consul.token = "another" }
            #expect(try await gateway.get("/api").text == "here")
            #expect(source(gateway)?["is_reachable"]?.boolValue != true)
            try await eventually("the loss") { source(gateway)?["is_reachable"]?.boolValue == false }
            // The reload keeps the known endpoints.
            try await reload { _, discovery in discovery.emptyHold = .minutes(1) }
            #expect(try await gateway.get("/api").text == "here")
            // An empty list is not accepted at once, even as the first answer.
            let asked = registry.questions
            registry.say([])
            try await eventually("two answers") { registry.questions > asked + 2 }
            try await eventually("the return") { source(gateway)?["is_reachable"]?.boolValue == true }
            #expect(try await gateway.get("/api").text == "here")
            // Another service has other endpoints.
            registry.fail()
            try await reload { consul, _ in consul.service = "depot" }
            #expect(try await gateway.get("/api").status == 503)
        }
        await upstream.stop()
    }

    @Test func losesNoRequestWhenRegistrySettingsChange() async throws {
        let registry = try await Registry.start()
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        registry.say([upstream.endpoint])
        try await withDiscovered(registry) { gateway in
            try await answers(gateway, become: ["here"])
            let isOver = Shared(false)
            let failed = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let client = try await gateway.connect()
                        var failed = 0
                        while !isOver.value {
                            try await client.send("GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
                            if try await client.response().status != 200 { failed += 1 }
                        }
                        await client.close()
                        return failed
                    }
                }
                for turn in 1...10 {
                    let asked = registry.questions
                    try await gateway.gateway.reload(
                        configuration(registry, GatewayConfiguration(port: 0)) {
                            $0.discovery?.emptyHold = .seconds(Int64(turn))
                        })
                    try await eventually("a question") { registry.questions > asked }
                }
                isOver.set(true)
                return try await group.reduce(0, +)
            }
            #expect(failed == 0)
            #expect(upstream.acceptedCount <= 3)
        }
        await upstream.stop()
    }

    @Test func ignoresAnEmptyListFollowedByAFailure() async throws {
        let registry = try await Registry.start()
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        registry.say([upstream.endpoint])
        let hold = TimeAmount.seconds(2)
        try await withDiscovered(registry) {
            $0.discovery?.emptyHold = hold
        } _: { gateway in
            try await answers(gateway, become: ["here"])
            let asked = registry.questions
            registry.say([])
            try await eventually("two answers") { registry.questions > asked + 2 }
            registry.fail()
            try await eventually("the loss") { source(gateway)?["is_reachable"]?.boolValue == false }
            try await letTimePass(.nanoseconds(hold.nanoseconds), because: "the endpoint is not to be dropped")
            #expect(source(gateway)?["is_reachable"]?.boolValue == false)
            #expect(try await gateway.get("/api").text == "here")
        }
        await upstream.stop()
    }

    @Test func silentNameServerDoesNotDelayShutdown() async throws {
        // Bound, so that the query arrives, but never answered.
        let asked = Shared(0)
        let server = try await DatagramBootstrap(group: peerLoops)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Arrivals { asked.next() })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let source = DNSSource(
            name: "shop.test", port: 80, server: .init(address: "127.0.0.1", port: server.localAddress?.port ?? 0))
        try await withGateway(configure: { configuration in
            var upstream = GatewayConfiguration.Upstream(name: "test", endpoints: [])
            upstream.discovery = .init(.dns(source))
            configuration.upstreams = [upstream]
        }) { _ in
            try await eventually("the question") { asked.value > 0 }
        }
        // The gateway stops before the C library's next query, two seconds later.
        #expect(asked.value == 1)
        try await server.close()
    }

    private final class Arrivals: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        private let arrived: @Sendable () -> Void

        init(_ arrived: @escaping @Sendable () -> Void) { self.arrived = arrived }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { arrived() }
    }

    @Test func usesTLSForDiscoveredEndpoints() async throws {
        try await TestCertificates.with { made in
            let pair = try made.make("up.example", as: "up")
            let context = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(pair.chain).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: pair.key, format: .pem))))
            let registry = try await Registry.start()
            let first = try await TestUpstream.start(tls: context) { _ in TestUpstream.ok("first") }
            let second = try await TestUpstream.start(tls: context) { _ in TestUpstream.ok("second") }
            registry.say([first.endpoint])
            try await withDiscovered(registry) {
                var tls = GatewayConfiguration.UpstreamTLS()
                tls.authorityPath = pair.chain
                tls.serverName = "up.example"
                $0.tls = tls
            } _: { gateway in
                try await answers(gateway, become: ["first"])
                registry.say([first.endpoint, second.endpoint])
                try await answers(gateway, become: ["first", "second"])
                let endpoints = gateway.gateway.state["upstreams"]?.arrayValue?.first?["endpoints"]?.arrayValue
                #expect(endpoints?.allSatisfy { $0["url"]?.stringValue?.hasPrefix("https://") == true } == true)
            }
            await first.stop()
            await second.stop()
        }
    }

    @Test func newEndpointChangesNothingElse() async throws {
        let registry = try await Registry.start()
        let site = try TemporarySite(["index.html": "home"])
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        try await withGateway(configure: { base in
            base = configuration(registry, base)
            base.routes.append(.init(.prefix("/web"), action: .files(.init(root: site.root))))
        }) { gateway in
            #expect(try await gateway.get("/web/").text == "home")
            try site.write("new.txt", Array("new".utf8))
            registry.say([upstream.endpoint])
            try await answers(gateway, become: ["here"])
            // A reload rereads the folder; a change of an address does not.
            #expect(try await gateway.get("/web/new.txt").status == 404)
            #expect(try await gateway.get("/web/").text == "home")
        }
        await registry.stop()
        await upstream.stop()
    }

    @Test func refusesDisallowedAddressesFromTheRegistry() async throws {
        let registry = try await Registry.start()
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok("here") }
        registry.say([
            .tcp(host: "169.254.169.254", port: 80), .tcp(host: "10.0.0.1", port: 80),
            .tcp(host: "localhost", port: 80), .tcp(host: "no host", port: 80), upstream.endpoint,
        ])
        try await withDiscovered(registry) {
            $0.discovery?.allow = [AddressRange("127.0.0.0/8")].compactMap { $0 }
        } _: { gateway in
            try await answers(gateway, become: ["here"])
            let discovered = gateway.gateway.state["upstreams"]?.arrayValue?.first
            #expect(discovered?["endpoints"]?.arrayValue?.count == 1)
            #expect(
                discovered?["discovery"]?["refused"] == [
                    "http://10.0.0.1:80", "http://169.254.169.254:80", "http://localhost:80", "no host:80",
                ])
        }
        await upstream.stop()
    }

    @Test func neverUsesReservedAddresses() {
        let discovery = GatewayConfiguration.Discovery(.fixed([]))
        for host in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "::", "ff02::1"] {
            #expect(!discovery.allows(.tcp(host: host, port: 80)), "\(host)")
        }
        // An IPv4-mapped address.
        #expect(!discovery.allows(.tcp(host: "::ffff:169.254.169.254", port: 80)))
        #expect(!discovery.allows(.unix(path: "/var/run/docker.sock")))
        for host in ["10.0.0.1", "127.0.0.1", "fd00::1", "shop.internal"] {
            #expect(discovery.allows(.tcp(host: host, port: 80)), "\(host)")
        }
    }
}
