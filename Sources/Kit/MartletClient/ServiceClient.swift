import AsyncHTTPClient
public import Logging
public import MartletCore
public import MartletTelemetry
import NIOCore
import NIOHTTP1

/// Calls one other service, over TCP or its Unix socket, with a deadline and the caller's trace.
///
/// A connection that cannot be made, a late answer and a broken one are all ``Problem/unavailable(_:)``: to the
/// client that waits, they are the same.
public struct ServiceClient: Sendable {
    public struct Response: Sendable {
        public let status: Int
        public let body: [UInt8]
    }

    /// The name of the service that is called.
    public let service: String
    private let base: @Sendable () -> String?
    private let logger: Logger

    /// - Parameter service: the name of the service, for logs and problems.
    public init(_ service: String, at endpoint: Endpoint, logger: Logger) {
        self.service = service
        self.logger = logger
        let base = Self.base(endpoint)
        self.base = { base }
    }

    /// - Parameter endpoint: where the service is, asked for each call; nil while nobody knows.
    public init(_ service: String, logger: Logger, at endpoint: @escaping @Sendable () -> Endpoint?) {
        self.service = service
        self.logger = logger
        base = { endpoint().map(Self.base) }
    }

    private static func base(_ endpoint: Endpoint) -> String {
        switch endpoint {
        case .tcp: endpoint.description
        case .unix(let path): "http+unix://\(PercentEncoding.encode(path))"
        }
    }

    /// - Parameters:
    ///   - path: absolute, already percent-encoded.
    ///   - trace: the span on whose behalf the call is made.
    ///   - deadline: how long the whole exchange may take.
    ///   - maximumBytes: how long a body is accepted.
    /// - Throws: ``Problem`` 503.
    public func get(
        _ path: String, trace: TraceContext = .make(), deadline: Duration = .seconds(2),
        maximumBytes: Int = 4 * 1024 * 1024
    ) async throws -> Response {
        guard let base = base() else { throw Problem.unavailable("Nobody knows where the service '\(service)' is.") }
        var request = HTTPClientRequest(url: base + path)
        request.headers.add(name: "traceparent", value: trace.child().header)
        request.headers.add(name: "accept", value: "application/json")
        do {
            let milliseconds =
                deadline.components.seconds * 1000 + deadline.components.attoseconds / 1_000_000_000_000_000
            let response = try await HTTPClient.withoutRedirects.execute(
                request, timeout: .milliseconds(milliseconds), logger: logger)
            let body = try await response.body.collect(upTo: maximumBytes)
            return Response(status: Int(response.status.code), body: Array(body.readableBytesView))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.warning("call failed", metadata: ["service": "\(service)", "path": "\(path)", "error": "\(error)"])
            throw Problem.unavailable("The service '\(service)' does not answer.")
        }
    }
}
