import ArgumentParser
import Logging
import MartletCore
import MartletData
import MartletMessaging
import MartletWeb

/// `martlet jobs`: the jobs of a service, in its database. The platform may be running.
struct Jobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, retry and end the jobs of a service.",
        subcommands: [
            List.self, Show.self, Retry.self, Discard.self, Cancel.self, Queues.self, Pause.self, Resume.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List unfinished jobs, the newest first.")

        @Argument(help: "The service.") var service: String
        @Option(help: "Only this state: scheduled, blocked, ready, running or dead.") var state: String?
        @Option(help: "Only this kind of job, or type of event.") var kind: String?
        @Option(help: "Only this queue.") var queue: String?
        @Option(help: "The maximum number of jobs, 1 to 100.") var limit = 20
        @OptionGroup var options: SettingOptions<DataScope>

        func run() async throws {
            var query = [("ordering", "-id"), ("limit", "\(limit)")]
            for (name, value) in [("state", state), ("kind", kind), ("queue", queue)] {
                if let value { query.append((name, value)) }
            }
            let list = try ServiceDatabase.read { () throws(Problem) in try ListContract<JobRecord>().read(query) }
            let page = try await ServiceDatabase.open(service, options) { try await $0.jobs(list) }
            let jobs = try page.items
            Terminal.print(Table.header(["id", "state", "queue", "attempt", "run at", "kind"]))
            for job in jobs {
                Terminal.print(
                    Table.line(["\(job.id)", job.state, job.queue, "\(job.attempt)", "\(job.runAt)", job.kind]))
            }
            Terminal.print("\(jobs.count) of \(Terminal.count(page.total, "job")).")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a job with its arguments and its failures, as JSON.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            let job = try await target.run { try await $0.job($1) }
            Terminal.print(String(decoding: try JSONWriter.bytes(of: job), as: UTF8.self))
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Run a dead job again, or a scheduled one at once.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            _ = try await target.run { try await $0.retry($1) }
            Terminal.print("Job \(target.id) is ready to run.")
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a job without running it. The later events of its subject go on.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            try await target.run { try await $0.discard($1) }
            Terminal.print("Job \(target.id) is discarded.")
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancel a job, also while it runs.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            try await target.run { try await $0.cancel($1) }
            Terminal.print("Job \(target.id) is cancelled.")
        }
    }

    struct Queues: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the queues with the numbers of their jobs.")

        @Argument(help: "The service.") var service: String
        @OptionGroup var options: SettingOptions<DataScope>

        func run() async throws {
            let queues = try await ServiceDatabase.open(service, options) { try await $0.queues() }
            Terminal.print(Table.header(["queue", "ready", "scheduled", "blocked", "running", "dead", ""]))
            for queue in queues {
                let counts = [queue.ready, queue.scheduled, queue.blocked, queue.running, queue.dead].map { "\($0)" }
                Terminal.print(Table.line([queue.name] + counts + [queue.isPaused ? "paused" : ""]))
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start no more jobs of a queue. Running ones go on.")

        @OptionGroup var target: QueueTarget

        func run() async throws {
            try await target.run { try await $0.pause($1) }
            Terminal.print("The queue \(target.queue) is paused.")
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start jobs of a paused queue again.")

        @OptionGroup var target: QueueTarget

        func run() async throws {
            try await target.run { try await $0.resume($1) }
            Terminal.print("The queue \(target.queue) runs.")
        }
    }
}

/// A job on the command line.
struct JobTarget: ParsableArguments {
    @Argument(help: "The service.") var service: String
    @Argument(help: "The id of the job.") var id: Int64
    @OptionGroup var options: SettingOptions<DataScope>

    func run<Value: Sendable>(
        _ body: @Sendable (JobAdministration, ID<JobRecord>) async throws -> Value
    ) async throws -> Value {
        let id = ID<JobRecord>(id)
        return try await ServiceDatabase.open(service, options) { try await body($0, id) }
    }
}

/// A queue on the command line.
struct QueueTarget: ParsableArguments {
    @Argument(help: "The service.") var service: String
    @Argument(help: "The name of the queue.") var queue: String
    @OptionGroup var options: SettingOptions<DataScope>

    func run(_ body: @Sendable (JobAdministration, String) async throws -> Void) async throws {
        let queue = queue
        try await ServiceDatabase.open(service, options) { try await body($0, queue) }
    }
}

/// Columns of at least twelve characters.
private enum Table {
    static func header(_ names: [String]) -> String { line(names) }

    static func line(_ cells: [String]) -> String {
        let padded = cells.dropLast().map { $0 + String(repeating: " ", count: max(1, 12 - $0.count)) }
        return padded.joined() + (cells.last ?? "")
    }
}
