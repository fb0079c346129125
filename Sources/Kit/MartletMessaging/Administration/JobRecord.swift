public import MartletCore
public import MartletData

/// An unfinished job, as operators see it.
public struct JobRecord: Model {
    public let id: ID<JobRecord>
    public let kind: String
    public let queue: String
    public let state: String
    public let priority: Int
    public let runAt: Timestamp
    public let time: Timestamp
    public let attempt: Int
    public let crashes: Int
    public let eventId: String?
    public let subject: String?
    public let requestId: String?
    public let claimedAt: Timestamp?
    public let done: Int64?
    public let total: Int64?

    public static let table = "jobs"
    public static let noun = "Job"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the job.", list: [.filter, .order])
        Rule(CodingKeys.kind, "The kind of the job, or the type of the event that it delivers.", list: .filter)
        Rule(CodingKeys.queue, "The queue.", list: .filter)
        Rule(
            CodingKeys.state,
            "`scheduled` for its time, `blocked` behind an earlier event of its subject, `ready`, `running`, or `dead`.",
            list: .filter)
        Rule(CodingKeys.priority, "Lower numbers run first.")
        Rule(CodingKeys.runAt, "When the job is or was due.", list: .order)
        Rule(CodingKeys.time, "When the job was enqueued, or when the event happened.", list: [.filter, .order])
        Rule(CodingKeys.attempt, "The number of attempts.")
        Rule(CodingKeys.crashes, "How often the process has died while it ran.")
        Rule(CodingKeys.eventId, "The id of the delivered event.", list: .filter)
        Rule(CodingKeys.subject, "The subject of the delivered event.", list: .filter)
        Rule(CodingKeys.requestId, "The id of the request that caused the job.", list: .filter)
        Rule(CodingKeys.claimedAt, "When its last attempt began.")
        Rule(CodingKeys.done, "How much is done.")
        Rule(CodingKeys.total, "How much there is to do.")
    }
}

/// A job with its arguments and its last failures.
public struct JobDetail: Codable, Sendable, Described {
    public let job: JobRecord
    public let data: JSONValue
    public let errors: [JobFailure]

    public static let rules = Rules {
        Rule(CodingKeys.job, "The job.")
        Rule(CodingKeys.data, "Its arguments, or the payload of the event.")
        Rule(CodingKeys.errors, "Its last failures, oldest first.")
    }
}

/// A failed attempt.
public struct JobFailure: Codable, Sendable, Described {
    public let attempt: Int
    public let at: Timestamp
    public let error: String

    public static let rules = Rules {
        Rule(CodingKeys.attempt, "The number of the attempt.")
        Rule(CodingKeys.at, "When it failed.")
        Rule(CodingKeys.error, "Why it failed.")
    }
}

/// A job that has ended. It can be looked at for a day.
public struct FinishedJob: Model {
    public let id: ID<JobRecord>
    public let kind: String
    public let queue: String
    public let outcome: String
    public let subject: String?
    public let attempt: Int
    public let startedAt: Timestamp?
    public let finishedAt: Timestamp

    public static let table = "jobs_done"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the job.", list: [.filter, .order])
        Rule(CodingKeys.kind, "The kind of the job, or the type of the event that it delivered.", list: .filter)
        Rule(CodingKeys.queue, "The queue.", list: .filter)
        Rule(CodingKeys.outcome, "`completed`, `cancelled` or `discarded`.", list: .filter)
        Rule(CodingKeys.subject, "The subject of the delivered event.", list: .filter)
        Rule(CodingKeys.attempt, "The number of attempts.")
        Rule(CodingKeys.startedAt, "When its last attempt began.")
        Rule(CodingKeys.finishedAt, "When it ended.", list: .order)
    }
}

/// An emitted event.
public struct EventRecord: Model {
    public let id: ID<EventRecord>
    public let eventId: String
    public let type: String
    public let version: Int
    public let subject: String
    public let sequence: Int64
    public let time: Timestamp
    public let requestId: String?
    public let publishedAt: Timestamp?

    public static let table = "outbox"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The place of the event in the outbox.", list: [.filter, .order])
        Rule(CodingKeys.eventId, "The id of the event.", list: .filter)
        Rule(CodingKeys.type, "The type of the event.", list: .filter)
        Rule(CodingKeys.version, "The version of its payload.")
        Rule(CodingKeys.subject, "What the event is about.", list: .filter)
        Rule(CodingKeys.sequence, "Its number among the events of its subject.")
        Rule(CodingKeys.time, "When it happened.", list: [.filter, .order])
        Rule(CodingKeys.requestId, "The id of the request that caused it.", list: .filter)
        Rule(CodingKeys.publishedAt, "When the broker has received it; null as long as it has not.")
    }
}

/// A queue with the number of its unfinished jobs.
public struct QueueRecord: Codable, Sendable, Described {
    public let name: String
    public let isPaused: Bool
    public let ready: Int
    public let scheduled: Int
    public let blocked: Int
    public let running: Int
    public let dead: Int

    public static let rules = Rules {
        Rule(CodingKeys.name, "The name of the queue.")
        Rule(CodingKeys.isPaused, "Whether no more of its jobs are started.")
        Rule(CodingKeys.ready, "The number of jobs that can run now.")
        Rule(CodingKeys.scheduled, "The number of jobs that wait for their time.")
        Rule(CodingKeys.blocked, "The number of jobs that wait for an earlier event of their subject.")
        Rule(CodingKeys.running, "The number of jobs that run.")
        Rule(CodingKeys.dead, "The number of jobs that have failed for good.")
    }
}
