import Foundation
import Logging
import MartletBrokers
import MartletCore
import MartletData
import MartletMessaging
import MartletRedis
import MartletTelemetry
import NIOPosix
import ServiceLifecycle
import Synchronization

/// An event that carries when it was emitted.
struct Ping: Event {
    static let type = "bench.ping"

    let number: Int
    let sentAt: Timestamp
    var subject: String { "subjects/\(number % 100)" }
}

/// Events from this process to another one: their latency at a steady rate, then their rate.
struct Events {
    let program: Program

    init(_ program: Program) { self.program = program }

    /// Emits the events. The other process, which handles them, is this program with `--sink`.
    func emit() async throws -> JSONValue {
        let measuring = program.rate * program.seconds
        let sink = try Sink(program, expecting: measuring + program.count)
        let result = Mutex<(cpu: Double, answer: JSONValue)>((0, .null))
        try await run("source", handlers: []) { messages, database in
            await sink.ready()
            let clock = ContinuousClock()
            let start = clock.now
            for number in 0..<measuring {
                try await clock.sleep(until: start + .seconds(1) * number / program.rate)
                try await database.transaction {
                    try await messages.emit(Ping(number: number, sentAt: WallClock.system.now), on: $0)
                }
            }
            try await Task.sleep(for: .seconds(1))
            begin()
            let cpu = cpuSeconds()
            for first in stride(from: 0, to: program.count, by: 100) {
                let numbers = first..<min(first + 100, program.count)
                try await database.transaction { connection in
                    try await messages.emit(
                        all: numbers.map { Ping(number: $0, sentAt: WallClock.system.now) }, on: connection)
                }
            }
            let answer = try await sink.answer()
            result.withLock { $0 = (cpuSeconds() - cpu, answer) }
        }
        let (cpu, answer) = result.withLock { $0 }
        let members = (answer.objectValue ?? []) + [("jobs", .number("\(program.count)"))]
        var own = 0.0
        if case .number(let text)? = answer["cpu_seconds"] { own = Double(text) ?? 0 }
        return .object(members.filter { $0.0 != "cpu_seconds" } + [("cpu_seconds", .number("\(own + cpu)"))])
    }

    /// Handles the events, and prints what came of them.
    func handle(_ measuring: Int, _ total: Int) async throws -> JSONValue {
        let waits = Mutex<[Int64]>([])
        let begun = Mutex<(ContinuousClock.Instant, Double)?>(nil)
        let (ended, ending) = AsyncStream.makeStream(of: Void.self)
        let count = Atomic<Int>(0)
        let on = On(Ping.self) { event, _, _ in
            let number = count.add(1, ordering: .relaxed).newValue
            let wait = WallClock.system.now.microseconds - event.sentAt.microseconds
            if number <= measuring { waits.withLock { $0.append(wait) } }
            if number == measuring + 1 { begun.withLock { $0 = (.now, cpuSeconds()) } }
            if number == total { ending.finish() }
        }.queue("events", concurrency: program.concurrency)
        try await run("sink", handlers: HandlerBuilder.buildExpression(on)) { _, _ in
            FileHandle.standardOutput.write(Data("ready\n".utf8))
            for await _ in ended {}
        }
        let (start, cpu) = begun.withLock { $0 } ?? (.now, 0)
        let sorted = waits.withLock { $0.sorted() }
        func percentile(_ part: Double) -> JSONValue {
            guard !sorted.isEmpty else { return .null }
            return .number("\(Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1000)")
        }
        return [
            "seconds": .number("\((ContinuousClock.now - start).inSeconds)"), "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99), "cpu_seconds": .number("\(cpuSeconds() - cpu)"),
        ]
    }

    private func run(
        _ name: String, handlers: [Handler], _ body: @Sendable (Messages, Database) async throws -> Void
    ) async throws {
        let database = try program.database(name)
        try await MessagingService.migrate(database)
        let messages = Messages(of: name == "source" ? "bench" : "sink", on: database, publishing: [Ping.self])
        let broker: any Broker
        if program.mode == .eventsRedis {
            broker = RedisStreamsBroker(
                try RedisLocation(url: program.redisUrl), eventLoops: MultiThreadedEventLoopGroup.singleton,
                logger: quiet)
        } else {
            let location = try Database.Location(url: program.databaseUrl, schema: PostgresBroker.schema)
            let bus = try PostgresBroker(Database(location, logger: quiet), logger: quiet)
            try await bus.migrate()
            broker = bus
        }
        let service = try MessagingService(
            messages, MessagingDeclaration(handlers: handlers), on: database, through: broker, published: [Ping.type],
            metrics: MetricsRegistry(), logger: quiet)
        try await service.prepare()
        let group = ServiceGroup(configuration: .init(services: [service], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do { result = .success(try await body(messages, database)) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }
}

/// The other process, and what it prints.
private struct Sink {
    private let lines: AsyncStream<String>

    init(_ program: Program, expecting total: Int) throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments =
            Array(CommandLine.arguments.dropFirst())
            + ["--sink", "\(program.rate * program.seconds)", "--total", "\(total)"]
        process.standardOutput = pipe
        try process.run()
        let (lines, printed) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let output = pipe.fileHandleForReading
        Thread.detachNewThread {
            var text = Data()
            while true {
                let data = output.availableData
                guard !data.isEmpty else { return printed.finish() }
                text += data
                while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                    printed.yield(String(decoding: text[..<end], as: UTF8.self))
                    text = Data(text[text.index(after: end)...])
                }
            }
        }
    }

    func ready() async { for await line in lines where line == "ready" { return } }

    func answer() async throws -> JSONValue {
        for await line in lines where line.hasPrefix("{") { return try JSONValue(parsing: Array(line.utf8)) }
        return .null
    }
}
