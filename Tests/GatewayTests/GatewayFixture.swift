import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix

/// One loop, so that every request of a test shares one pool.
private let gatewayLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// A gateway on a free port whose `/api` leads to a test's upstream.
struct GatewayFixture: Sendable {
    let gateway: Gateway
    let port: Int
    let metrics: MetricsRegistry

    func connect(receiveBuffer: Int? = nil) async throws -> TestConnection {
        try await TestConnection.connect(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends bytes on a new connection and takes one answer.
    func exchange(_ request: String, toHead: Bool = false) async throws -> TestMessage {
        let connection = try await connect()
        try await connection.send(request)
        let response = try await connection.response(toHead: toHead)
        await connection.close()
        return response
    }

    func get(_ path: String, headers: String = "") async throws -> TestMessage {
        try await exchange("GET \(path) HTTP/1.1\r\nHost: example.com\r\n\(headers)\r\n")
    }

    /// A counter's or gauge's line in the metrics text.
    func metric(_ prefix: String) -> String? {
        metrics.exposition().split(separator: "\n").first { $0.hasPrefix(prefix) }.map(String.init)
    }
}

func withGateway(
    endpoint: Endpoint? = nil, on group: (any EventLoopGroup)? = nil, logger: Logger? = nil,
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (GatewayFixture) async throws -> Void
) async throws {
    let metrics = MetricsRegistry()
    var configuration = GatewayConfiguration(port: 0)
    configuration.timeouts.drain = .milliseconds(200)
    configuration.timeouts.drainIdle = .milliseconds(20)
    configuration.timeouts.halfClosed = .milliseconds(200)
    if let endpoint {
        configuration.upstreams = [.init(name: "test", endpoints: [endpoint])]
        configuration.routes = [.init(.prefix("/api"), upstream: "test")]
    }
    configure(&configuration)
    var silent = Logger(label: "gateway-tests", factory: { _ in SwiftLogNoOpLogHandler() })
    // The log's code runs in every test, though nobody reads it.
    silent.logLevel = .debug
    let gateway = try Gateway(
        configuration: configuration, metrics: metrics, logger: logger ?? silent,
        eventLoopGroup: group ?? gatewayLoop)
    let address = try await gateway.bind()
    let running = Task { try await gateway.run() }
    let result: Result<Void, any Error>
    do {
        try await body(GatewayFixture(gateway: gateway, port: address.port ?? 0, metrics: metrics))
        result = .success(())
    } catch {
        result = .failure(error)
    }
    running.cancel()
    try? await running.value
    try result.get()
}
