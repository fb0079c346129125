import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@Suite struct LifecycleTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func gateway(_ configuration: GatewayConfiguration) throws -> Gateway {
        try Gateway(
            configuration: configuration, metrics: MetricsRegistry(), logger: logger,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    }

    @Test func reportsAPortInUse() async throws {
        try await withGateway { first in
            let second = try gateway(GatewayConfiguration(port: first.port))
            await #expect(throws: GatewayError.addressInUse("127.0.0.1:\(first.port)")) { try await second.bind() }
        }
    }

    @Test func reportsAForeignAddress() async throws {
        let gateway = try gateway(GatewayConfiguration(host: "192.0.2.1", port: 0))
        await #expect(throws: GatewayError.self) { try await gateway.bind() }
    }

    @Test func contradictionsInTheConfigurationAreNamed() {
        #expect(throws: GatewayError.invalidConfiguration("routes: there is no upstream 'x'")) {
            try gateway(GatewayConfiguration(routes: [.init(.prefix("/a"), upstream: "x")]))
        }
        #expect(throws: GatewayError.invalidConfiguration("upstreams: 'x' has no endpoint")) {
            try gateway(GatewayConfiguration(upstreams: [.init(name: "x", endpoints: [])]))
        }
    }

    @Test func shutdownFinishesRequestsInFlight() async throws {
        let upstream = try await TestUpstream.start()
        var configuration = GatewayConfiguration(port: 0)
        configuration.upstreams = [.init(name: "test", endpoints: [upstream.endpoint])]
        configuration.routes = [.init(.prefix("/api"), upstream: "test")]
        configuration.timeouts.drainIdle = .milliseconds(20)
        let gateway = try gateway(configuration)
        let port = try await gateway.bind().port ?? 0
        let group = ServiceGroup(services: [gateway], logger: logger)
        let running = Task { try await group.run() }
        let busy = try await TestConnection.connect(port: port)
        let idle = try await TestConnection.connect(port: port)
        try await idle.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try await idle.response()
        try await busy.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
        let server = try await upstream.accept()
        _ = try await server.request()
        await group.triggerGracefulShutdown()
        try await idle.untilClosed()
        await #expect(throws: (any Error).self) { try await TestConnection.connect(port: port) }
        try await server.send(TestUpstream.ok())
        let response = try await busy.response()
        #expect(response.text == "hello")
        #expect(response["connection"] == "close")
        try await busy.untilClosed()
        try await running.value
        await upstream.stop()
    }

    @Test func shutdownEndsAtItsDeadline() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await upstream.accept().request()
        }
        // The shutdown completes: the fixture's gateway waits only 200 ms for the missing response.
    }
}
