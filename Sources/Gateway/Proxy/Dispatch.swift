import MartletCore
import NIOCore

/// What becomes of a request, decided from its head alone.
enum Dispatch {
    case proxy(GatewaySettings.Route)
    case local(LocalRoute, LocalRequest, RouteLabel)
    case answer(Answer, RouteLabel)
    case problem(Problem, RouteLabel)
}

extension GatewaySettings {
    /// - Parameters:
    ///   - bytes: the bytes of the head.
    ///   - path: in its normal form.
    func dispatch(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead, _ target: RequestTarget, path: UnsafeRawBufferPointer,
        peer: ForwardedPeer, requestID: [UInt8]
    ) -> Dispatch {
        if target.isAsterisk {
            let allow = Array("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n".utf8)
            return .answer(Answer(status: 204, fields: allow, body: .bytes(ByteBuffer())), .unmatched)
        }
        guard let match = table.match(path) else {
            return dispatchUnmatched(bytes, head, path: path)
        }
        guard match < routes.count else {
            return dispatchLocal(match - routes.count, bytes, head, target, path: path, peer, requestID)
        }
        let route = routes[match]
        if let length = head.contentLength, length > route.maximumRequestBody {
            return .problem(.bodyTooLarge(limit: route.maximumRequestBody), route.label)
        }
        return .proxy(route)
    }

    private func dispatchUnmatched(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead, path: UnsafeRawBufferPointer
    ) -> Dispatch {
        if let site = configuration.site, !isAPI(path) {
            let answer = site.answer(
                method: head.method, path: path,
                header: { name in HeaderLookup.first(name, in: bytes, head) })
            switch answer {
            case .success(let answer): return .answer(answer, .site)
            case .failure(let problem): return .problem(problem, .site)
            }
        }
        return .problem(Problem(status: 404, detail: "Nothing is found at this path.", code: "not_found"), .unmatched)
    }

    private func dispatchLocal(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ head: RequestHead, _ target: RequestTarget,
        path: UnsafeRawBufferPointer, _ peer: ForwardedPeer, _ requestID: [UInt8]
    ) -> Dispatch {
        let label = RouteLabel.local(index)
        guard head.method == .get || head.method == .head else {
            return .problem(.methodNotAllowed, label)
        }
        let query = bytes.slice(target.query)
        let request = LocalRequest(
            method: head.method.label, path: String(decoding: path, as: UTF8.self),
            query: query.isEmpty ? nil : String(decoding: query.dropFirst(), as: UTF8.self),
            headers: HeaderLookup.all(in: bytes, head), peerAddress: peer.text,
            isTrustedLoopback: peer.address?.isLoopback == true && !head.hasForwarding
                && HeaderLookup.first("via", in: bytes, head) == nil,
            requestID: String(decoding: requestID, as: UTF8.self))
        return .local(localRoutes[index], request, label)
    }
}

/// Header fields as strings, for answers off the hot path.
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

    static let methodNotAllowed = Problem(
        status: 405, detail: "Only GET and HEAD are answered here.", code: "method_not_allowed",
        headers: [("Allow", "GET, HEAD")])

    static let badGateway = Problem(
        status: 502, detail: "The service gave no valid answer.", code: "bad_gateway")

    static let upstreamUnreachable = Problem(
        status: 502, detail: "The service cannot be reached.", code: "bad_gateway", headers: [("Retry-After", "1")])

    static let upstreamTimeout = Problem(
        status: 504, detail: "The service did not answer in time.", code: "gateway_timeout")

    static let overloaded = Problem(
        status: 503, detail: "Too many requests wait for this service.", code: "unavailable",
        headers: [("Retry-After", "1")])

    static let requestTimeout = Problem(
        status: 408, detail: "The request did not arrive in time.", code: "request_timeout")
}
