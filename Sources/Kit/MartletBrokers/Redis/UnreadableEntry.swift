/// An entry of a stream that is not an event, such as one without an id or with a payload that is not JSON.
public struct UnreadableEntry: Error, Sendable, Equatable {
    /// The service whose stream has the entry.
    public let source: String
    /// The id of the entry in the stream: `1763800000000-0`.
    public let id: String
    /// What is wrong, without values of the entry: `time is not an RFC 3339 time`.
    public let reason: String
}
