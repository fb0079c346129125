import HTTPTypes
import Hummingbird
import Logging
import MartletClient
import MartletCore
import MartletData
import MartletTelemetry
import NIOCore

/// Runs one route: authenticates the caller, reads the input, calls the handler and writes the response.
struct RouteHandler: Sendable {
    /// The maximum length of a JSON body, in bytes.
    private static let maximumJSONBytes = 1024 * 1024

    private let service: String
    private let route: Route
    private let platform: Platform
    private let metrics: RouteMetrics
    private let headers: [HTTPField.Name]
    private let idempotentCalls: IdempotentCalls?

    init(service: String, route: Route, platform: Platform) {
        self.service = service
        self.route = route
        self.platform = platform
        metrics = RouteMetrics(
            platform.metrics, service: service, method: route.method.rawValue, route: route.path)
        headers = route.input.headers.compactMap { HTTPField.Name($0) }
        idempotentCalls = route.idempotency.map { _ in
            IdempotentCalls(
                IdempotencyStore(platform.database), logger: platform.logger, clock: platform.monotonicClock)
        }
    }

    func respond(to request: Request, path: Parameters) async -> Response {
        let started = ContinuousClock.now
        let requestID = RequestHeaders.requestID(request)
        let caller = RequestHeaders.trace(request)
        let trace = caller?.child() ?? .make()
        var response: Response
        do {
            response = try await answer(request, path, requestID, trace)
        } catch {
            response = .problem(problem(for: error, request, requestID), path: request.uri.path, requestID: requestID)
        }
        response.headers[RequestHeaders.requestIDName] = requestID
        let duration = ContinuousClock.now - started
        metrics.count(response.status.code, duration)
        // The first service of a trace decides whether it is recorded. Without a caller, that is this one.
        if let spans = platform.spans, caller.map(\.isSampled) ?? spans.samples(trace) {
            spans.record(span(trace, of: caller, response.status.code, duration, requestID))
        }
        return response
    }

    private func span(
        _ trace: TraceContext, of caller: TraceContext?, _ status: Int, _ duration: Duration, _ requestID: String
    ) -> Span {
        Span(
            endingNow: duration, service: service, name: "\(route.method) \(route.path)", context: trace.sampled(true),
            parentID: caller?.spanID,
            attributes: [
                ("http.request.method", .string(route.method.rawValue)), ("http.route", .string(route.path)),
                ("http.response.status_code", .number(String(status))), ("martlet.request_id", .string(requestID)),
            ], isError: status >= 500)
    }

    private func answer(
        _ request: Request, _ path: Parameters, _ requestID: String, _ trace: TraceContext
    ) async throws -> Response {
        let access = route.access ?? .permission("", staffOnly: false)
        var principal: Principal?
        if access != .public {
            let verified = try await platform.authenticator.principal(authorization: request.headers[.authorization])
            try verified.require(access)
            principal = verified
        }
        let key = try route.idempotency?.key(in: request.headers[values: RequestHeaders.idempotencyKey])
        let body = try await body(of: request)
        let parts = try parts(of: request, path, body)
        let call = try route.prepare(parts)
        let context = Context(
            requestID: requestID, trace: trace, logger: platform.logger, principal: principal,
            precondition: Precondition(ifMatch: request.headers[.ifMatch]),
            clientAddress: RequestHeaders.clientAddress(request),
            isSecure: request.headers[RequestHeaders.forwardedProto]?.isExactly("https") ?? false,
            // A raw body may come from a form of another site.
            cookies: route.input.rawBody == nil ? request.headers[.cookie] : nil,
            authorization: request.headers[.authorization])
        let cause = Cause(requestID: requestID, trace: trace)
        let answer = try await Cause.$current.withValue(cause) {
            try await CallDeadline.within(RequestHeaders.timeout(request)) {
                guard let idempotentCalls, let key, let userID = principal?.userID else {
                    return try await call(context)
                }
                let claim = IdempotencyClaim(
                    userID: userID, route: "\(route.method) \(route.path)", key: key, target: request.head.path ?? "",
                    headers: parts.headers, body: body)
                let requestPath = request.uri.path
                return try await idempotentCalls.answer(claim) {
                    do {
                        return try await call(context)
                    } catch let problem as Problem where problem.isFinal {
                        return problem.responseParts(path: requestPath, requestID: requestID)
                    }
                }
            }
        }
        if let tag = answer.entityTag, request.method == .get || request.method == .head,
            let known = request.headers[.ifNoneMatch], EntityTags.contain(known, tag, isStrong: false)
        {
            return .notModified(answer, tag)
        }
        return Response(answer)
    }

    /// nil for a route that takes no body.
    private func body(of request: Request) async throws -> ByteBuffer? {
        guard route.input.body != nil || route.input.rawBody != nil else { return nil }
        return try await request.body.collect(upTo: maximumBodyBytes)
    }

    private var maximumBodyBytes: Int { route.input.rawBody?.maximumBytes ?? Self.maximumJSONBytes }

    private func parts(of request: Request, _ path: Parameters, _ body: ByteBuffer?) throws -> RequestParts {
        var parameters: [String: String] = [:]
        for (name, value) in path {
            parameters[String(name)] = String(value)
        }
        let query = try QueryString.parse(request.uri.query ?? "")
        var parts = RequestParts(path: parameters, query: query, body: try json(body, request))
        for name in headers { parts.headers[name.rawName] = request.headers[values: name] }
        if route.input.rawBody != nil {
            parts.rawBody = RawBody(
                bytes: body.map { Array($0.readableBytesView) } ?? [], contentType: request.headers[.contentType])
        }
        return parts
    }

    /// nil when there is no body or the route takes it as it is.
    private func json(_ body: ByteBuffer?, _ request: Request) throws -> JSONValue? {
        guard let body, route.input.body != nil else { return nil }
        guard body.readableBytes > 0 else {
            // A form on another site sends cookies but cannot send JSON, so a request with cookies must be JSON.
            if request.headers[.cookie] != nil { try requireJSON(request.headers[.contentType]) }
            return nil
        }
        try requireJSON(request.headers[.contentType])
        do {
            return try JSONValue(parsing: body.readableBytesView, limits: .requestBody)
        } catch  where error.isTooMuch {
            throw Problem(status: 413, detail: "The body is too large: \(error).", code: "content_too_large")
        } catch {
            throw Problem.badRequest("The body is not valid JSON: \(error).", code: "malformed_json")
        }
    }

    private func requireJSON(_ contentType: String?) throws(Problem) {
        // No media type is longer. This bounds the string comparisons below.
        let isKnown = (contentType ?? "").utf8.count <= 256
        let parts = HeaderText.parts(isKnown ? HeaderText.lowercased(contentType ?? "") : "", separatedBy: ";")
        let type = parts.first ?? ""
        let charset = parts.dropFirst().compactMap(HeaderText.pair).first { $0.name == "charset" }?.value ?? "utf-8"
        let isJSON = type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
        guard isJSON, charset == "utf-8" || charset == "\"utf-8\"" else {
            throw Problem(
                status: 415, detail: "The body must be JSON in UTF-8, with Content-Type: application/json.",
                code: "unsupported_media_type",
                headers: [("Accept", "application/json")])
        }
    }

    /// Maps every error to the problem that the client sees.
    private func problem(for error: any Error, _ request: Request, _ requestID: String) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case is NIOTooManyBytesError:
            return Problem(
                status: 413, detail: "The body must be at most \(maximumBodyBytes) bytes.",
                code: "content_too_large")
        case DatabaseError.unavailable, DatabaseError.timeout:
            log(error, request, requestID)
            return .unavailable("The database is not available.")
        case let error as DatabaseError where error.isRefusal:
            log(error, request, requestID)
            return .unavailable("The database is not available.")
        case is CancellationError: return .unavailable("The server is shutting down.")
        default:
            log(error, request, requestID)
            return .internal
        }
    }

    private func log(_ error: any Error, _ request: Request, _ requestID: String) {
        platform.logger.error(
            "request failed",
            metadata: [
                "request_id": "\(requestID)", "trace_id": "\(RequestHeaders.trace(request)?.traceIDText ?? "-")",
                "method": "\(route.method)", "route": "\(route.path)", "error": "\(String(reflecting: error))",
            ])
    }
}
