public import MartletCore

/// An event on its way: its payload and the attributes of CloudEvents 1.0.
public struct Envelope: Sendable, Equatable {
    /// Unique among all events of all sources.
    public let id: String
    /// The publishing service: `accounts`.
    public let source: String
    /// ``Event/type``.
    public let type: String
    /// ``Event/version``.
    public let version: Int
    /// ``Event/subject``.
    public let subject: String
    /// The gapless number of the event among those of its subject, from 1. Nil for events of programs that do not number
    /// theirs: they arrive in any order.
    public let sequence: Int64?
    public let time: Timestamp
    /// The payload: the text of a JSON object.
    public let data: String
    /// The `traceparent` of the span that emitted the event (W3C Trace Context).
    public let trace: String?
    /// The id of the request that caused the event.
    public let requestID: String?

    /// The name of the Redis stream with the events of a source: `martlet:events:accounts`.
    package static func stream(of source: String, prefix: String = "martlet:") -> String { "\(prefix)events:\(source)" }

    public init(
        id: String, source: String, type: String, version: Int = 1, subject: String, sequence: Int64?, time: Timestamp,
        data: String, trace: String? = nil, requestID: String? = nil
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.version = version
        self.subject = subject
        self.sequence = sequence
        self.time = time
        self.data = data
        self.trace = trace
        self.requestID = requestID
    }
}
