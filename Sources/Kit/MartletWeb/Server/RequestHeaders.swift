import HTTPTypes
import Hummingbird
import MartletClient
import MartletCore
import MartletTelemetry

/// The header fields that the gateway sets for the services behind it.
enum RequestHeaders {
    static let requestIDName = field("X-Request-ID")
    static let forwardedProto = field("X-Forwarded-Proto")
    static let idempotencyKey = field(Idempotency.name)
    private static let timeout = field(CallDeadline.header)
    private static let realIP = field("X-Real-IP")
    private static let forwardedFor = field("X-Forwarded-For")
    private static let traceparent = field("traceparent")

    /// The caller's id, or a new one.
    static func requestID(_ request: Request) -> String {
        if let id = request.headers[requestIDName], RequestID.isValid(id) { return id }
        return RequestID.make()
    }

    /// The caller's span, which is the parent of this request's span.
    static func trace(_ request: Request) -> TraceContext? {
        request.headers[traceparent].flatMap { TraceContext(traceparent: $0) }
    }

    /// The client's address, as set by the gateway, through which all requests arrive; behind another proxy, the last
    /// address in `X-Forwarded-For`. Nil when it is unknown, which proxies write as `unknown` (RFC 7239 §6).
    static func clientAddress(_ request: Request) -> String? {
        let text =
            request.headers[realIP]
            ?? request.headers[forwardedFor].flatMap { HeaderText.parts($0, separatedBy: ",").last }
        return text.flatMap { IPAddress($0) }?.description
    }

    /// How long the caller will wait for the answer; nil when it has not said so.
    static func timeout(_ request: Request) -> Duration? { request.headers[timeout].flatMap(CallDeadline.read) }

    private static func field(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is a constant and a valid name") }
        return field
    }
}
