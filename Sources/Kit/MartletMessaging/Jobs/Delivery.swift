public import Logging
public import MartletCore

/// The delivery of an event to a handler.
public struct Delivery: Sendable {
    let job: JobRow
    /// A logger that adds the request id of the cause, and the trace id.
    public let logger: Logger

    /// The id of the event, the same in every delivery.
    public var eventID: String { job.eventId ?? "" }
    public var subject: String { job.subject ?? "" }
    /// When the event happened.
    public var time: Timestamp { job.time }
    /// The number of this attempt, from 1.
    public var attempt: Int { job.attempt }
}
