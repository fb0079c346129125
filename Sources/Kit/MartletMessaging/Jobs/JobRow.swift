public import MartletCore
import MartletData

/// A claimed job as its handler sees it.
public struct JobRow: Decodable, Sendable {
    public let id: Int64
    public let kind: String
    public let version: Int
    public let queue: String
    /// The JSON text of the arguments, or of the event's payload.
    public let data: String
    /// The id and subject of the delivered event; nil for other jobs.
    public let eventId: String?
    public let subject: String?
    /// When the job was enqueued, or when the event happened.
    public let time: Timestamp
    let trace: String?
    public let requestId: String?
    let lane: String?
    /// The number of this attempt, from 1.
    public let attempt: Int
    let crashes: Int
    /// How often the job has been claimed. Unlike the attempts, it is never reset.
    let claims: Int64
    let claimedAt: Timestamp
    let cursor: String?
    let errors: String?

    static let columns: SQL =
        """
        id, kind, version, queue, data, event_id, subject, time, trace, request_id, lane, attempt, crashes, claims, claimed_at, cursor,
        errors
        """
}
