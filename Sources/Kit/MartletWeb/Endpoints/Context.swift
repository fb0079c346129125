public import Logging
public import MartletCore
public import MartletTelemetry

/// What a handler can use of a request besides its input.
public struct Context: Sendable {
    public let requestID: String
    /// This request's span. Calls with a ``ServiceClient`` continue it by themselves.
    public let trace: TraceContext
    private let baseLogger: Logger
    /// The authenticated caller; nil on public routes.
    public let principal: Principal?
    /// Call ``Precondition/require(_:)`` before changing a resource.
    public let precondition: Precondition
    /// The client's IP address, as reported by the gateway.
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

    /// A logger that adds the request id and the trace id to every line. Computed on demand, because most requests log
    /// nothing.
    public var logger: Logger {
        var logger = baseLogger
        logger[metadataKey: "request_id"] = "\(requestID)"
        logger[metadataKey: "trace_id"] = "\(trace.traceIDText)"
        return logger
    }

    /// The authenticated caller.
    /// - Throws: ``Problem`` 401 on a public route, which does not authenticate.
    public func user() throws(Problem) -> Principal {
        guard let principal else { throw .unauthorized("Sign in first.") }
        return principal
    }

    /// The request's bearer token, not yet verified; nil when there is none. For public routes that accept a token;
    /// other routes use ``principal``.
    /// - Throws: ``Problem`` 401 when the `Authorization` header holds anything else.
    public func bearerToken() throws(Problem) -> [UInt8]? {
        guard let authorization else { return nil }
        return try BearerToken.read(authorization)
    }

    /// The value of a cookie (RFC 6265 §4.2).
    public func cookie(_ name: String) -> String? {
        cookies.flatMap { Cookies.first(name, in: $0) }
    }
}
