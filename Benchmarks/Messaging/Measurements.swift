import Foundation
import Logging
import MartletCore
import MartletData
import MartletMessaging
import MartletTelemetry
import ServiceLifecycle
import Synchronization

let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

/// A job that does nothing.
struct Nothing: Job {
    let number: Int
}

/// Runs the messages of one service while `body` runs.
func withMessaging(
    _ program: Program, _ kind: JobKind, _ body: @Sendable (Messages, Database) async throws -> Void,
    prepare: @Sendable (Messages, Database) async throws -> Void = { _, _ in }
) async throws {
    let database = try program.database("jobs")
    let messages = Messages(of: "bench", on: database)
    let service = try MessagingService(
        messages, MessagingDeclaration(jobs: [kind]), on: database, through: LocalBroker(), published: [],
        metrics: MetricsRegistry(), logger: quiet)
    try await MessagingService.migrate(database)
    try await database.execute("DELETE FROM jobs")
    try await database.execute("DELETE FROM jobs_done")
    try await service.prepare()
    try await prepare(messages, database)
    let group = ServiceGroup(configuration: .init(services: [service], logger: quiet))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(messages, database)) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        try result.get()
    }
    await database.close()
}

/// Jobs per second, and the CPU time of each.
struct Throughput {
    let program: Program
    let hasEffects: Bool

    init(_ program: Program, hasEffects: Bool) {
        self.program = program
        self.hasEffects = hasEffects
    }

    func run() async throws -> JSONValue {
        let done = Atomic<Int>(0)
        let measured = Mutex<(seconds: Double, cpu: Double)>((0, 0))
        let hasEffects = hasEffects
        let count = program.count
        let (ended, ending) = AsyncStream.makeStream(of: Void.self)
        let kind = Run(Nothing.self) { [count] _, run in
            if hasEffects { try await run.finish { _ in } }
            if done.add(1, ordering: .relaxed).newValue == count { ending.finish() }
        }.queue("default", concurrency: program.concurrency).kind
        let start = Mutex<(ContinuousClock.Instant, Double)>((.now, 0))
        try await withMessaging(program, kind) { _, database in
            for await _ in ended {}
            // The last ones are finished when they have left the table.
            while try await database.exists("SELECT 1 FROM jobs") { try await Task.sleep(for: .milliseconds(5)) }
            let (began, cpu) = start.withLock { $0 }
            measured.withLock { $0 = ((ContinuousClock.now - began).inSeconds, cpuSeconds() - cpu) }
        } prepare: { messages, database in
            for first in stride(from: 0, to: count, by: 1000) {
                try await database.transaction { connection in
                    for number in first..<min(first + 1000, count) {
                        try await messages.enqueue(Nothing(number: number), on: connection)
                    }
                }
            }
            begin()
            start.withLock { $0 = (.now, cpuSeconds()) }
        }
        let (seconds, cpu) = measured.withLock { $0 }
        return ["jobs": .number("\(count)"), "seconds": .number("\(seconds)"), "cpu_seconds": .number("\(cpu)")]
    }
}

/// The time from enqueueing a job to its start, at a steady rate.
struct Latency {
    let program: Program

    init(_ program: Program) { self.program = program }

    func run() async throws -> JSONValue {
        let clock = ContinuousClock()
        let begun = Mutex<[Int: ContinuousClock.Instant]>([:])
        let waits = Mutex<[Duration]>([])
        let kind = Run(Nothing.self) { job, _ in
            let started = clock.now
            let enqueued = begun.withLock { $0.removeValue(forKey: job.number) }
            if let enqueued { waits.withLock { $0.append(started - enqueued) } }
        }.kind
        let (rate, seconds) = (program.rate, program.seconds)
        try await withMessaging(program, kind) { messages, database in
            try await Task.sleep(for: .seconds(1))
            begin()
            let start = clock.now
            for number in 0..<(rate * seconds) {
                try await clock.sleep(until: start + .seconds(1) * number / rate)
                begun.withLock { $0[number] = clock.now }
                try await database.transaction { _ = try await messages.enqueue(Nothing(number: number), on: $0) }
            }
            try await Task.sleep(for: .seconds(1))
        }
        let sorted = waits.withLock { $0.sorted() }
        func percentile(_ part: Double) -> JSONValue {
            guard !sorted.isEmpty else { return .null }
            return .number("\(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))].inSeconds * 1000)")
        }
        return ["jobs": .number("\(sorted.count)"), "p50_ms": percentile(0.5), "p99_ms": percentile(0.99)]
    }
}

/// The statements that an idle process sends.
struct Idle {
    let program: Program

    init(_ program: Program) { self.program = program }

    func run() async throws -> JSONValue {
        let measured = Mutex<Double>(0)
        let seconds = program.seconds
        try await withMessaging(program, Run(Nothing.self) { _, _ in }.kind) { _, database in
            // PostgreSQL reports transactions up to ten seconds late.
            try await Task.sleep(for: .seconds(12))
            begin()
            let before = try await transactions(database)
            try await Task.sleep(for: .seconds(seconds))
            let after = try await transactions(database)
            measured.withLock { $0 = Double(max(0, after - before - 1)) / Double(seconds) }
        }
        return ["statements_per_second": .number("\(measured.withLock { $0 })")]
    }

    private func transactions(_ database: Database) async throws -> Int {
        guard database.dialect == .postgres else { return 0 }
        return try await database.count(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
    }
}
