public import Logging
public import MartletCore
public import MartletTelemetry

/// What a handler may know of the request beside its input.
public struct Context: Sendable {
    public let requestID: String
    /// This request's span; pass it on to the services that are called on its behalf.
    public let trace: TraceContext
    private let baseLogger: Logger
    /// Who asks; nil on public routes.
    public let principal: Principal?
    /// Call ``Precondition/require(_:)`` before changing a resource.
    public let precondition: Precondition
    /// The client's address as the gateway saw it.
    public let clientAddress: String?
    /// Whether the client reached the gateway over TLS.
    public let isSecure: Bool
    let cookies: String?
    let authorization: String?

    public init(
        requestID: String, trace: TraceContext, logger: Logger, principal: Principal? = nil,
        precondition: Precondition = .none, clientAddress: String? = nil, isSecure: Bool = false,
        cookies: String? = nil, authorization: String? = nil
    ) {
        self.requestID = requestID
        self.trace = trace
        baseLogger = logger
        self.principal = principal
        self.precondition = precondition
        self.clientAddress = clientAddress
        self.isSecure = isSecure
        self.cookies = cookies
        self.authorization = authorization
    }

    /// Writes the request's ids with every line; made when asked for, as most requests write none.
    public var logger: Logger {
        var logger = baseLogger
        logger[metadataKey: "request_id"] = "\(requestID)"
        logger[metadataKey: "trace_id"] = "\(trace.traceIDText)"
        return logger
    }

    /// Who asks.
    /// - Throws: ``Problem`` 401 on a public route, where nobody has been asked for.
    public func user() throws(Problem) -> Principal {
        guard let principal else { throw .unauthorized("Sign in first.") }
        return principal
    }

    /// The bearer token that came along, not yet looked at; nil when there is none. For routes that take one without
    /// asking for it: the others have ``principal``.
    /// - Throws: ``Problem`` 401 when the `Authorization` header holds something else.
    public func bearerToken() throws(Problem) -> [UInt8]? {
        guard let authorization else { return nil }
        return try BearerToken.read(authorization)
    }

    /// The value of a cookie (RFC 6265 §4.2).
    public func cookie(_ name: String) -> String? {
        cookies.flatMap { Cookies.first(name, in: $0) }
    }
}
