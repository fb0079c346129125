public import MartletCore

/// The work of one service for one request: a span of a distributed trace (OpenTelemetry trace data model, HTTP
/// semantic conventions).
public struct Span: Sendable {
    /// The name of the service, such as `gateway` or `catalog`.
    public var service: String
    /// The method and the route, never a raw path: `GET /api/products/{id}`.
    public var name: String
    /// The ids of the span and its trace.
    public var context: TraceContext
    /// The caller's span; nil for the first span of a trace.
    public var parentID: UInt64?
    /// Nanoseconds since 1970.
    public var start: UInt64
    public var duration: Duration
    public var attributes: [(name: String, value: JSONValue)]
    /// Whether the service failed: a status of 500 or above.
    public var isError: Bool

    public init(
        service: String, name: String, context: TraceContext, parentID: UInt64?, start: UInt64, duration: Duration,
        attributes: [(name: String, value: JSONValue)], isError: Bool
    ) {
        self.service = service
        self.name = name
        self.context = context
        self.parentID = parentID
        self.start = start
        self.duration = duration
        self.attributes = attributes
        self.isError = isError
    }

    /// Creates a span that ends now.
    public init(
        endingNow duration: Duration, service: String, name: String, context: TraceContext, parentID: UInt64?,
        attributes: [(name: String, value: JSONValue)], isError: Bool
    ) {
        let end = UInt64(clamping: WallClock.system.now.microseconds) * 1000
        self.init(
            service: service, name: name, context: context, parentID: parentID, start: end &- duration.nanoseconds,
            duration: duration, attributes: attributes, isError: isError)
    }

    var end: UInt64 { start &+ duration.nanoseconds }
}

extension Duration {
    fileprivate var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
