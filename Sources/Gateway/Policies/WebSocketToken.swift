import MartletCore

/// A compiled ``GatewayConfiguration/WebSocket``.
struct WebSocketToken: Sendable {
    /// `NAME.`
    private let prefix: [UInt8]?
    private let cookie: [UInt8]?
    private let origins: Set<[UInt8]>

    init(_ configuration: GatewayConfiguration.WebSocket) {
        prefix = configuration.protocolName.map { Array($0.utf8) + [ASCII.dot] }
        cookie = configuration.cookie.map { Array($0.utf8) }
        origins = Set(configuration.origins.map { Array($0.utf8) })
    }

    enum Finding {
        case found(UnsafeRawBufferPointer)
        case none
        case refused(Problem)
    }

    /// Finds the token of a WebSocket request.
    /// - Parameter rules: the edits of the upstream request. The token's subprotocol is removed, and `Authorization` is
    ///   added instead.
    func find(_ request: RequestView, _ rules: inout HeaderRules) -> Finding {
        guard Self.asksForWebSocket(request) else { return .none }
        switch inProtocols(request, &rules) {
        case .none: break
        case let finding: return finding
        }
        guard let cookie, request.header(Self.authorization) == nil else { return .none }
        switch request.cookies(cookie) {
        case .none: return .none
        case .one(let token):
            // Only these origins may use the cookie (cross-site WebSocket hijacking).
            guard let origin = request.header(Self.origin), request.count(Self.origin) == 1,
                origins.contains(Array(origin))
            else { return .refused(.originRefused) }
            return .found(token)
        case .several: return .refused(.ambiguousToken)
        }
    }

    private func inProtocols(_ request: RequestView, _ rules: inout HeaderRules) -> Finding {
        guard let prefix else { return .none }
        var token: UnsafeRawBufferPointer?
        var others: [UInt8] = []
        var count = 0
        Nomination.forEachLine(in: request.bytes, headers: request.head.headers) { name, value, _ in
            guard name.equalsIgnoringCase(Self.protocols) else { return }
            ListElements.forEach(in: value) { element in
                if element.starts(with: prefix), element.count > prefix.count {
                    token = UnsafeRawBufferPointer(rebasing: element[prefix.count...])
                    count += 1
                } else {
                    if !others.isEmpty { others += [ASCII.comma, ASCII.space] }
                    others += element
                }
            }
        }
        guard let token else { return .none }
        rules.removed.append(Self.protocols)
        if !others.isEmpty {
            rules.lines += "Sec-WebSocket-Protocol: ".utf8
            rules.lines += others
            rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
        }
        // With several tokens, it is unclear which one counts.
        guard count == 1, request.header(Self.authorization) == nil else { return .refused(.ambiguousToken) }
        guard token.allSatisfy(ASCIISet.token.contains) else { return .refused(.ambiguousToken) }
        // A route that strips credentials from requests strips these too.
        guard !rules.removed.contains(Self.authorization) else { return .found(token) }
        rules.lines += "Authorization: Bearer ".utf8
        rules.lines += token
        rules.lines += [ASCII.carriageReturn, ASCII.lineFeed]
        return .found(token)
    }

    private static func asksForWebSocket(_ request: RequestView) -> Bool {
        guard request.head.wantsUpgrade, request.head.method == .get, let upgrade = request.head.upgrade else {
            return false
        }
        return request.bytes.slice(upgrade).equalsIgnoringCase("websocket")
    }

    private static let authorization = Array("authorization".utf8)
    private static let origin = Array("origin".utf8)
    private static let protocols = Array("sec-websocket-protocol".utf8)
}

extension Problem {
    static let originRefused = Problem(
        status: 403, detail: "This origin may not open the WebSocket.", code: "origin_denied")

    static let ambiguousToken = Problem(
        status: 401, detail: "The request must carry exactly one token.", code: "invalid_token",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
}
