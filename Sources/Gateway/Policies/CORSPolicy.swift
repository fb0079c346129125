import NIOCore

/// The CORS protocol of the Fetch standard, on behalf of the services behind the gateway.
struct CORSPolicy: Sendable {
    private let origins: Set<[UInt8]>
    private let allowsAll: Bool
    /// Lines for responses to allowed origins, besides the origin itself.
    private let credentials: [UInt8]
    private let exposed: [UInt8]
    private let preflight: [UInt8]

    /// The upstream's own CORS fields, which the gateway replaces. In lower case.
    static let removed = [
        "access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers",
    ].map { Array($0.utf8) }

    /// The field that makes an `OPTIONS` request a preflight.
    static let requestedMethod = Array("access-control-request-method".utf8)

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ cors: GatewayConfiguration.CORS) throws(GatewayError) {
        allowsAll = cors.origins.contains("*")
        if allowsAll, cors.allowsCredentials {
            throw .invalidConfiguration("cors: credentials need named origins, not *")
        }
        guard cors.origins.allSatisfy({ $0 == "*" || $0.contains("://") && !$0.hasSuffix("/") }) else {
            throw .invalidConfiguration("cors: an origin must be scheme://host[:port] or *")
        }
        func list(_ name: String, _ values: [String]) throws(GatewayError) -> [UInt8] {
            guard !values.isEmpty else { return [] }
            guard values.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(ASCIISet.token.contains) }),
                let line = HeaderRules.line(name, values.joined(separator: ", "))
            else { throw .invalidConfiguration("cors: '\(values)' are not all valid names") }
            return line
        }
        origins = Set(cors.origins.map { Array($0.utf8) })
        credentials = cors.allowsCredentials ? Array("Access-Control-Allow-Credentials: true\r\n".utf8) : []
        exposed = try list("Access-Control-Expose-Headers", cors.exposed)
        preflight =
            try list("Access-Control-Allow-Methods", cors.methods)
            + list("Access-Control-Allow-Headers", cors.headers)
            + Array("Access-Control-Max-Age: \(max(0, cors.maximumAge))\r\n".utf8)
    }

    /// What to add to the response.
    enum Decision {
        /// The complete response to a preflight; it does not reach the service.
        case preflight([UInt8])
        /// Lines to add to the response.
        case lines([UInt8])
    }

    func check(_ request: RequestView) -> Decision {
        // Caches must not serve one origin's response to another.
        let vary = Array((allowsAll ? "" : "Vary: Origin\r\n").utf8)
        guard let origin = request.header(Array("origin".utf8)) else { return .lines(vary) }
        let isPreflight = request.head.method == .options && request.header(Self.requestedMethod) != nil
        let isAllowed = allowsAll || origins.contains(Array(origin))
        guard isAllowed else { return isPreflight ? .preflight(vary) : .lines(vary) }
        let origins =
            Array("Access-Control-Allow-Origin: ".utf8) + (allowsAll ? [0x2A] : Array(origin))
            + [ASCII.carriageReturn, ASCII.lineFeed]
        return isPreflight
            ? .preflight(vary + origins + credentials + preflight) : .lines(vary + origins + credentials + exposed)
    }
}
