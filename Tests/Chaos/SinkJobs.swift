import MartletCore
import MartletData
import MartletMessaging
import MartletSystem

/// Writes its name down.
struct Note: Job {
    let name: String
}

/// Writes ten numbers down, one after the other, and continues where the last attempt got to.
struct Crawl: Job {
    let name: String
    static let steps = 10
}

/// Sleeps, then writes its name down.
struct Nap: Job {
    let name: String
    let milliseconds: Int
}

/// Kills its process.
struct Crash: Job {
    let name: String
}

/// Runs each minute.
struct Tick: Job {}

/// What the jobs do.
struct SinkJobs: Sendable {
    let database: Database

    @JobBuilder var all: [JobKind] {
        Run(Note.self, use: note)
        Run(Crawl.self, use: crawl)
        Run(Nap.self, use: nap).queue("naps", concurrency: 4)
        Run(Crash.self, use: crash).queue("crashes", concurrency: 1)
        Run(Tick.self, use: tick)
    }

    @Sendable func note(_ job: Note, _ run: JobRun) async throws {
        try await run.finish { try await write(job.name, on: $0) }
    }

    @Sendable func crawl(_ job: Crawl, _ run: JobRun) async throws {
        for step in (try run.cursor(as: Int.self) ?? 0)..<Crawl.steps {
            try await database.transaction { connection in
                try await write("\(job.name) \(step)", on: connection)
                try await run.save(step + 1, on: connection)
            }
            run.progress(step + 1, of: Crawl.steps)
            try await Task.sleep(for: .milliseconds(20))
        }
        try await run.finish { try await write(job.name, on: $0) }
    }

    @Sendable func nap(_ job: Nap, _ run: JobRun) async throws {
        try await Task.sleep(for: .milliseconds(job.milliseconds))
        try await run.finish { try await write(job.name, on: $0) }
    }

    @Sendable func crash(_ job: Crash, _ run: JobRun) async throws {
        try await write("\(job.name) \(run.job.attempt)", on: database)
        kill(getpid(), SIGKILL)
    }

    @Sendable func tick(_ job: Tick, _ run: JobRun) async throws {
        try await run.finish { try await write("tick", on: $0) }
    }

    private func write(_ name: String, on queryable: any Queryable) async throws {
        try await queryable.execute("INSERT INTO done (name) VALUES (\(name))")
    }
}
