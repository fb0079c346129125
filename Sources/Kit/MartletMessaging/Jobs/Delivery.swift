public import Logging
public import MartletCore

/// The delivery of an event to a handler.
public struct Delivery: Sendable {
    private let run: JobRun

    init(_ run: JobRun) { self.run = run }

    var job: JobRow { run.job }

    /// The id of the event, the same in every delivery.
    public var eventID: String { job.eventId ?? "" }
    public var subject: String { job.subject ?? "" }
    /// When the event happened.
    public var time: Timestamp { job.time }
    /// The number of this attempt, from 1.
    public var attempt: Int { job.attempt }
    /// A logger that adds the request id of the cause, and the trace id.
    public var logger: Logger { run.logger }
}
