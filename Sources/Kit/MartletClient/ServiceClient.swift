import AsyncHTTPClient
public import Logging
public import MartletCore
import MartletSystem
import MartletTelemetry
import NIOCore
import NIOHTTP1
import NIOPosix

/// Calls another service, over TCP or its Unix socket.
///
///     let product = try await catalog.get("/api/products/7", as: Product.self)
///
/// A call has a deadline, never later than that of the request being handled (``CallDeadline``), and passes on its request
/// id and trace (``Cause``).
///
/// A request is sent again while its deadline allows, on another address if there is one:
/// - always, while no connection can be made;
/// - twice at most, and for a tenth of the calls (``RetryBudget``), if the connection is lost or the answer is 502, 503 or
///   504. Only `GET`, `PUT` and `DELETE` without `If-Match`, and requests with an idempotency key.
///
/// A failed connection, a timeout, an incomplete response and an answer with a 5xx status are all reported as
/// ``Problem/unavailable(_:)``, because the waiting client cannot act on the difference.
public struct ServiceClient: Sendable {
    public typealias Response = ServiceResponse

    private static let maximumRetries = 2
    private static let backoff = Backoff(initial: .milliseconds(25), maximum: .milliseconds(250))

    /// The name of the called service.
    public let service: String
    private let base: @Sendable () -> String?
    private let logger: Logger
    private let budget = RetryBudget()

    /// - Parameter service: the name of the service in logs and problems.
    public init(_ service: String, at endpoint: Endpoint, logger: Logger) {
        self.service = service
        self.logger = logger
        let base = Self.base(endpoint)
        self.base = { base }
    }

    /// - Parameter endpoint: called for each attempt; returns the address of the service, or nil while it is unknown.
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

    /// Sends a request and returns the answer, whatever its status.
    /// - Throws: ``Problem`` 503 when there is no answer; `CancellationError`.
    public func send(_ request: ServiceRequest) async throws -> Response {
        budget.callStarted()
        let end = CallDeadline.earliest(request.timeout)
        var generator = SystemRandomNumberGenerator()
        var attempts = 0
        var retries = 0
        while true {
            attempts += 1
            let outcome = try await attempt(request, until: end)
            var wait = Self.backoff.jitteredWait(after: attempts, using: &generator)
            var isAllowed: Bool
            switch outcome {
            case .response(let response):
                isAllowed = request.isRepeatable && response.asksForRepetition(of: request)
                wait = max(wait, response.retryAfter ?? .zero)
            case .lost: isAllowed = request.isRepeatable
            case .notSent: isAllowed = true
            case .unknownAddress, .late: isAllowed = false
            }
            isAllowed = isAllowed && ContinuousClock.now + wait < end
            if isAllowed, !outcome.isNotSent {
                isAllowed = retries < Self.maximumRetries && budget.takeRetry()
                retries += 1
            }
            guard isAllowed else { return try result(of: request, outcome) }
            try await Task.sleep(for: wait)
        }
    }

    private func result(of request: ServiceRequest, _ outcome: Attempt) throws(Problem) -> Response {
        let reason: String
        switch outcome {
        case .response(let response):
            if response.status >= 500 { log(request, "status \(response.status)") }
            return response
        case .unknownAddress: throw Problem.unavailable("No address is known for the service '\(service)'.")
        case .late: reason = "no answer before the deadline"
        case .notSent(let error), .lost(let error): reason = "\(error)"
        }
        log(request, reason)
        throw Problem.unavailable("The service '\(service)' does not respond.")
    }

    private func log(_ request: ServiceRequest, _ reason: String) {
        logger.warning(
            "call failed",
            metadata: [
                "service": "\(service)", "method": "\(request.method.rawValue)", "path": "\(request.path)",
                "request_id": "\(Cause.current?.requestID ?? "-")", "error": "\(reason)",
            ])
    }

    /// The outcome of sending a request once.
    private enum Attempt {
        case response(Response)
        case unknownAddress
        /// There was no connection.
        case notSent(any Error)
        /// The service may have handled the request.
        case lost(any Error)
        case late

        var isNotSent: Bool {
            if case .notSent = self { true } else { false }
        }
    }

    private struct Late: Error {}

    private func attempt(_ request: ServiceRequest, until end: ContinuousClock.Instant) async throws -> Attempt {
        guard let base = base() else { return .unknownAddress }
        let left = end - .now
        guard left > .zero else { return .late }
        let outgoing = http(request, base: base, left: left)
        do {
            // The library's deadline ends with the head of the response.
            let response = try await withThrowingTaskGroup(of: Response.self) { group in
                group.addTask { try await exchange(outgoing, maximumBytes: request.maximumBytes) }
                group.addTask {
                    try await Task.sleep(until: end, clock: .continuous)
                    throw Late()
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw Late() }
                return response
            }
            return .response(response)
        } catch {
            try Task.checkCancellation()
            if error is Late { return .late }
            return isWithoutConnection(error) ? .notSent(error) : .lost(error)
        }
    }

    private func http(_ request: ServiceRequest, base: String, left: Duration) -> HTTPClientRequest {
        var http = HTTPClientRequest(url: base + request.path)
        http.method = HTTPMethod(rawValue: request.method.rawValue)
        http.headers.add(name: "accept", value: "application/json, application/problem+json")
        let cause = Cause.current
        http.headers.add(name: "traceparent", value: (cause?.trace ?? .make()).header)
        if let id = cause?.requestID { http.headers.add(name: "x-request-id", value: id) }
        let milliseconds = max(1, Int(left / .milliseconds(1)))
        http.headers.add(name: CallDeadline.header, value: "\(milliseconds)")
        if let tag = request.ifMatch { http.headers.add(name: "if-match", value: tag) }
        if let key = request.idempotencyKey { http.headers.add(name: "idempotency-key", value: key) }
        if let authorization = request.authorization { http.headers.add(name: "authorization", value: authorization) }
        if let body = request.body {
            http.headers.add(name: "content-type", value: request.contentType)
            http.body = .bytes(ByteBuffer(bytes: body))
        }
        return http
    }

    private func exchange(_ request: HTTPClientRequest, maximumBytes: Int) async throws -> Response {
        let response = try await HTTPClient.betweenServices.execute(request, deadline: .distantFuture, logger: logger)
        let body = try await response.body.collect(upTo: maximumBytes)
        return Response(
            service: service, status: Int(response.status.code), body: Array(body.readableBytesView),
            headers: response.headers.map { ($0.name, $0.value) })
    }
}

extension HTTPClient {
    /// Follows no redirects, and reports at once that a connection cannot be made, so that another address is tried.
    fileprivate static let betweenServices: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(1)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}

/// Whether the request was not sent because there was no connection.
private func isWithoutConnection(_ error: any Error) -> Bool {
    switch error {
    case is NIOConnectionError, ChannelError.connectTimeout: true
    case let error as HTTPClientError:
        [.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout].contains(error)
    case let error as IOError: [ECONNREFUSED, ENOENT, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode)
    default: false
    }
}
