import AsyncHTTPClient
public import Logging
public import MartletCore
public import MartletTelemetry
import NIOCore
import NIOHTTP1

/// Calls another service, over TCP or its Unix socket, with a deadline and the caller's trace.
///
/// A failed connection, a timeout and an incomplete response are all reported as ``Problem/unavailable(_:)``, because
/// the waiting client cannot act on the difference.
public struct ServiceClient: Sendable {
    public struct Response: Sendable {
        public let status: Int
        public let body: [UInt8]
    }

    /// The name of the called service.
    public let service: String
    private let base: @Sendable () -> String?
    private let logger: Logger

    /// - Parameter service: the name of the service in logs and problems.
    public init(_ service: String, at endpoint: Endpoint, logger: Logger) {
        self.service = service
        self.logger = logger
        let base = Self.base(endpoint)
        self.base = { base }
    }

    /// - Parameter endpoint: called for each request; returns the address of the service, or nil while it is unknown.
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
    ///   - path: an absolute, percent-encoded path.
    ///   - trace: the caller's span.
    ///   - deadline: the longest time for the whole exchange.
    ///   - maximumBytes: the maximum length of the body.
    /// - Throws: ``Problem`` 503.
    public func get(
        _ path: String, trace: TraceContext = .make(), deadline: Duration = .seconds(2),
        maximumBytes: Int = 4 * 1024 * 1024
    ) async throws -> Response {
        guard let base = base() else { throw Problem.unavailable("No address is known for the service '\(service)'.") }
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
            throw Problem.unavailable("The service '\(service)' does not respond.")
        }
    }
}
