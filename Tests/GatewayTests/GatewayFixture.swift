import Gateway
import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix

/// One loop, so that every request of a test shares one pool.
private let gatewayLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// A gateway on a free port whose `/api` leads to the test's upstream.
struct GatewayFixture: Sendable {
    let gateway: Gateway
    let port: Int
    let metrics: MetricsRegistry

    func connect(receiveBuffer: Int? = nil) async throws -> TestConnection {
        try await TestConnection.connect(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends bytes on a new connection and receives one response.
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

    /// The line of a counter or gauge in the metrics.
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
    configuration.timeouts.halfClosed = .milliseconds(20)
    if let endpoint {
        configuration.upstreams = [.init(name: "test", endpoints: [endpoint])]
        configuration.routes = [.init(.prefix("/api"), upstream: "test")]
    }
    configure(&configuration)
    var silent = Logger(label: "gateway-tests", factory: { _ in SwiftLogNoOpLogHandler() })
    // Every test runs the logging code, although the output is discarded.
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

/// Runs a gateway whose `/api` leads to an upstream on which the test responds, then stops both.
func withProxy(
    on group: (any EventLoopGroup)? = nil, logger: Logger? = nil,
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (GatewayFixture, TestUpstream) async throws -> Void
) async throws {
    try await withProxy(to: try await .start(), on: group, logger: logger, configure: configure, body)
}

/// Runs a gateway whose `/api` leads to an upstream, then stops both.
/// - Parameter answer: returns the response to a request.
func withProxy(
    answer: @escaping @Sendable (TestMessage) -> String, on group: (any EventLoopGroup)? = nil, logger: Logger? = nil,
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (GatewayFixture, TestUpstream) async throws -> Void
) async throws {
    try await withProxy(to: try await .start(answer: answer), on: group, logger: logger, configure: configure, body)
}

private func withProxy(
    to upstream: TestUpstream, on group: (any EventLoopGroup)?, logger: Logger?,
    configure: (inout GatewayConfiguration) -> Void, _ body: (GatewayFixture, TestUpstream) async throws -> Void
) async throws {
    let result: Result<Void, any Error>
    do {
        try await withGateway(endpoint: upstream.endpoint, on: group, logger: logger, configure: configure) {
            try await body($0, upstream)
        }
        result = .success(())
    } catch {
        result = .failure(error)
    }
    await upstream.stop()
    try result.get()
}

extension GatewayFixture {
    /// Sends a request on a new connection and waits until it reaches the upstream. Returns both ends.
    func begin(
        _ request: String = "GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at upstream: TestUpstream
    ) async throws -> (client: TestConnection, server: TestConnection) {
        let client = try await connect()
        try await client.send(request)
        let server = try await upstream.accept()
        _ = try await server.request()
        return (client, server)
    }
}

extension TestHTTP2Client {
    /// Sends a request on a new connection and waits until it reaches the upstream.
    func begin(
        _ stream: Int, _ fields: [(String, String)] = TestHTTP2Client.fields(), at upstream: TestUpstream
    ) async throws -> TestConnection {
        try await request(stream, fields)
        let server = try await upstream.accept()
        _ = try await server.request()
        return server
    }
}
