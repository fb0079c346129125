import Logging
import MartletCore
import MartletData
import MartletMessaging

/// The routes by which operators see and steer the jobs and events of a service. Every service has them.
package struct MessagingRoutes: Sendable {
    /// The paths under which each service has its part: `/api/jobs/catalog`.
    package static let roots = ["/api/jobs", "/api/queues", "/api/events"]

    private let service: String
    private let administration: JobAdministration

    init(_ hosted: HostedService) {
        service = hosted.name
        administration = JobAdministration(hosted.platform.database, hosted.platform.messages)
    }

    @RouteBuilder var all: [Route] {
        Group("/api/jobs/\(service)", tag: "Jobs and events") {
            Get(use: jobs).requires("\(service).view_job").summary("List unfinished jobs of \(service)")
            Get("finished", use: finished).requires("\(service).view_job").summary("List finished jobs of \(service)")
            Get("{id}", use: job).requires("\(service).view_job").summary("Read a job of \(service)")
            Post("{id}/retry", use: retry).requires("\(service).change_job").summary("Run a dead job again")
            Post("{id}/discard", use: discard).requires("\(service).change_job").summary("End a job without running it")
            Post("{id}/cancel", use: cancel).requires("\(service).change_job").summary("Cancel a job")
        }
        Group("/api/queues/\(service)", tag: "Jobs and events") {
            Get(use: queues).requires("\(service).view_job").summary("List the queues of \(service)")
            Post("{name}/pause", use: pause).requires("\(service).change_job").summary("Start no more jobs of a queue")
            Post("{name}/resume", use: resume).requires("\(service).change_job").summary("Start jobs of a queue again")
        }
        Group("/api/events/\(service)", tag: "Jobs and events") {
            Get(use: events).requires("\(service).view_event").summary("List events of \(service)")
        }
    }

    @Sendable func jobs(_ context: Context, _ query: ListQuery<JobRecord>) async throws -> RowPage<JobRecord> {
        try await administration.jobs(query)
    }

    @Sendable func finished(_ context: Context, _ query: ListQuery<FinishedJob>) async throws -> RowPage<FinishedJob> {
        try await administration.finished(query)
    }

    @Sendable func job(_ context: Context, _ id: ID<JobRecord>) async throws -> JobDetail {
        try await administration.job(id)
    }

    @Sendable func retry(_ context: Context, _ action: JobAction) async throws -> JobRecord {
        let job = try await administration.retry(action.id)
        context.note("job retried", "\(action.id)")
        return job
    }

    @Sendable func discard(_ context: Context, _ action: JobAction) async throws -> NoContent {
        try await administration.discard(action.id)
        context.note("job discarded", "\(action.id)")
        return NoContent()
    }

    @Sendable func cancel(_ context: Context, _ action: JobAction) async throws -> NoContent {
        try await administration.cancel(action.id)
        context.note("job cancelled", "\(action.id)")
        return NoContent()
    }

    @Sendable func queues(_ context: Context) async throws -> QueueList {
        QueueList(items: try await administration.queues())
    }

    @Sendable func pause(_ context: Context, _ queue: QueueName) async throws -> NoContent {
        try await administration.pause(queue.name)
        context.note("queue paused", queue.name)
        return NoContent()
    }

    @Sendable func resume(_ context: Context, _ queue: QueueName) async throws -> NoContent {
        try await administration.resume(queue.name)
        context.note("queue resumed", queue.name)
        return NoContent()
    }

    @Sendable func events(_ context: Context, _ query: ListQuery<EventRecord>) async throws -> RowPage<EventRecord> {
        try await administration.events(query)
    }
}

extension JobRecord: Output {}
extension JobDetail: Output {}

struct QueueList: Codable, Output, Described {
    let items: [QueueRecord]

    static let rules = Rules { Rule(CodingKeys.items, "The queues that have unfinished jobs or are paused, by name.") }
}

/// An action on a job, without further input.
struct JobAction: Input {
    let id: ID<JobRecord>

    static let rules = Rules { Rule(CodingKeys.id, "The id of the job.") }
}

struct QueueName: Input {
    let name: String

    static let rules = Rules { Rule(CodingKeys.name, "The name of the queue.", length: 1...100) }
}

extension Context {
    /// Logs who has done what.
    fileprivate func note(_ action: String, _ target: String) {
        logger.info("\(action)", metadata: ["target": "\(target)", "user": "\(principal?.userID ?? 0)"])
    }
}
