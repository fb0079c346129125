import MartletCore
import NIOCore

/// What to do with a request, decided from its head alone.
enum Dispatch {
    case proxy(GatewaySettings.CompiledRoute, upstream: Int, PolicyOutcome?)
    case call(GatewaySettings.CompiledRoute, GRPCCall, PolicyOutcome?)
    case aggregate(GatewaySettings.CompiledRoute, AggregatePlan, PolicyOutcome?)
    case local(LocalHandler, LocalRequest, RouteLabel, CompressionOffer)
    case answer(GatewayResponse, RouteLabel, PolicyOutcome?)
    case problem(Problem, RouteLabel, PolicyOutcome?)
    /// A policy needs a lookup first.
    case later(PolicyQuestion, Findings, RouteLabel)
}

extension GatewaySettings {
    /// Finds the route and applies its policies.
    /// - Parameters:
    ///   - findings: the results of the lookups that earlier calls requested.
    ///   - isShed: whether to refuse the request, if its route permits that.
    func dispatch(
        _ request: RequestView, requestID: [UInt8], findings: Findings, isShed: Bool, now: NIODeadline,
        random: inout FastRandom
    ) -> Dispatch {
        if let redirect = request.peer.redirect, let location = redirect.location(request) {
            // Without a host there is no target for the redirect.
            guard !request.host.isEmpty else { return .problem(HTTPError.missingHost.problem, .invalid, nil) }
            let answer = GatewayResponse(status: redirect.status, fields: location, body: .bytes(ByteBuffer()))
            return .answer(answer, .unmatched, nil)
        }
        if request.target.isAsterisk {
            let allow = Array("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n".utf8)
            return .answer(GatewayResponse(status: 204, fields: allow, body: .bytes(ByteBuffer())), .unmatched, nil)
        }
        var otherMethods: [Int] = []
        let match = table.match(request.path) { index in
            guard index < routes.count, let predicate = routes[index].predicate else { return true }
            switch predicate.check(request) {
            case .accepted: return true
            case .refused: return false
            case .otherMethod:
                otherMethods.append(index)
                // A preflight asks about a method other than its own.
                return request.head.method == .options && routes[index].policies?.answersPreflights == true
                    && request.header(CORSPolicy.requestedMethod) != nil
            }
        }
        // The service may treat an encoded slash as a separator, so only routes that allow it get such paths.
        if request.target.hasEncodedSlash {
            guard let match, match < routes.count, routes[match].keepsEncodedSlashes else {
                return .problem(HTTPError.invalidTarget.problem, .invalid, nil)
            }
        }
        guard let match else {
            guard otherMethods.isEmpty else {
                let allowed = Set(otherMethods.flatMap { routes[$0].methods }).sorted()
                return .problem(.methodNotAllowed(allowed: allowed), routes[otherMethods[0]].label, nil)
            }
            return dispatchUnmatched(request)
        }
        guard match < routes.count else { return dispatchLocal(match - routes.count, request, requestID) }
        if let lenient, lenient.matchesGuardedRoute(request, otherThan: match) {
            return .problem(.fileNotFound, .unmatched, nil)
        }
        let route = routes[match]
        // Before any work is done for the request.
        if isShed, route.isSheddable { return .problem(.shed, route.label, nil) }
        var outcome: PolicyOutcome?
        if let policies = route.policies {
            switch policies.check(request, findings: findings, now: now) {
            case .proceed(let found): outcome = found
            case .refuse(let problem, let found): return .problem(problem, route.label, found)
            case .answer(let status, let found):
                return .answer(
                    GatewayResponse(status: status, fields: [], body: .bytes(ByteBuffer())), route.label, found)
            case .later(let question, let findings): return .later(question, findings, route.label)
            }
        }
        switch route.action {
        case .proxy:
            if let length = request.head.contentLength, length > route.maximumRequestBody {
                return .problem(.bodyTooLarge(limit: route.maximumRequestBody), route.label, outcome)
            }
            return .proxy(route, upstream: route.upstream(&random), outcome)
        case .grpc(let grpc):
            if let length = request.head.contentLength, length > route.maximumRequestBody {
                return .problem(.bodyTooLarge(limit: route.maximumRequestBody), route.label, outcome)
            }
            switch grpc.match(request, path: route.rewrite?.apply(request.path)) {
            case .call(let call): return .call(route, call, outcome)
            case .problem(let problem): return .problem(problem, route.label, outcome)
            }
        case .redirect(let redirect):
            let answer = GatewayResponse(
                status: redirect.status, fields: redirect.line(request), body: .bytes(ByteBuffer()))
            return .answer(answer, route.label, outcome)
        case .respond(let status, let fields, let body):
            let answer = GatewayResponse(status: status, fields: fields, body: .bytes(ByteBuffer(bytes: body)))
            return .answer(answer, route.label, outcome)
        case .aggregate(let plan):
            guard request.head.method == .get else { return .problem(.onlyGet, route.label, outcome) }
            guard request.head.framing == .none else { return .problem(.bodyTooLarge(limit: 0), route.label, outcome) }
            return .aggregate(route, plan, outcome)
        case .files(let site, let prefix):
            let path = UnsafeRawBufferPointer(rebasing: request.path.dropFirst(prefix))
            switch site.answer(request, path: path) {
            case .success(let answer): return .answer(answer, route.label, outcome)
            case .failure(let problem): return .problem(problem, route.label, outcome)
            }
        }
    }

    private func dispatchUnmatched(_ request: RequestView) -> Dispatch {
        if let site = configuration.site, !isAPI(request.path) {
            guard !site.isEmpty else {
                let problem = Problem(status: 404, detail: "The console is not installed.", code: "not_found")
                return .problem(problem, .site, nil)
            }
            switch site.answer(request, path: request.path) {
            case .success(let answer): return .answer(answer, .site, nil)
            case .failure(let problem): return .problem(problem, .site, nil)
            }
        }
        return .problem(.fileNotFound, .unmatched, nil)
    }

    private func dispatchLocal(_ index: Int, _ request: RequestView, _ requestID: [UInt8]) -> Dispatch {
        let label = localLabels[index]
        let (bytes, head, peer) = (request.bytes, request.head, request.peer)
        let handler: LocalHandler
        switch localRoutes[index].handler(for: head) {
        case .success(let found): handler = found
        case .failure(let problem): return .problem(problem, label, nil)
        }
        let query = bytes.slice(request.target.query)
        let local = LocalRequest(
            method: head.method.label, path: String(decoding: request.path, as: UTF8.self),
            query: query.isEmpty ? nil : String(decoding: query.dropFirst(), as: UTF8.self),
            headers: HeaderLookup.all(in: bytes, head), peerAddress: peer.text,
            isTrustedLoopback: peer.address?.isLoopback == true && !head.hasForwarding
                && HeaderLookup.first("via", in: bytes, head) == nil,
            requestID: String(decoding: requestID, as: UTF8.self))
        return .local(handler, local, label, CompressionOffer(.standard, request))
    }
}

/// Header fields as strings, for code off the hot path.
enum HeaderLookup {
    /// - Parameter name: in lower case.
    static func first(_ name: StaticString, in bytes: UnsafeRawBufferPointer, _ head: RequestHead) -> String? {
        var result: String?
        Nomination.forEachLine(in: bytes, headers: head.headers) { candidate, value, _ in
            if result == nil, candidate.equalsIgnoringCase(name) { result = String(decoding: value, as: UTF8.self) }
        }
        return result
    }

    static func all(in bytes: UnsafeRawBufferPointer, _ head: RequestHead) -> [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            result.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        return result
    }
}

extension Problem {
    static func bodyTooLarge(limit: Int) -> Problem {
        Problem(status: 413, detail: "The request body is longer than \(limit) bytes.", code: "body_too_large")
    }

    static let onlyGetAndHead = methodNotAllowed(allowed: ["GET", "HEAD"])
    static let onlyGet = methodNotAllowed(allowed: ["GET"])

    static let badGateway = Problem(
        status: 502, detail: "The service sent an invalid response.", code: "bad_gateway")

    static let upstreamUnreachable = Problem(
        status: 502, detail: "The service cannot be reached.", code: "bad_gateway", headers: [("Retry-After", "1")])

    static let upstreamUnavailable = Problem(
        status: 503, detail: "The service is not available.", code: "unavailable", headers: [("Retry-After", "1")])

    static let upstreamTimeout = Problem(
        status: 504, detail: "The service did not respond in time.", code: "gateway_timeout")

    static let overloaded = Problem(
        status: 503, detail: "Too many requests are waiting for this service.", code: "unavailable",
        headers: [("Retry-After", "1")])

    static let shed = Problem(
        status: 503, detail: "The server is overloaded.", code: "overloaded",
        headers: [("Retry-After", "1")])

    static let requestTimeout = Problem(
        status: 408, detail: "The request did not arrive in time.", code: "request_timeout")
}
