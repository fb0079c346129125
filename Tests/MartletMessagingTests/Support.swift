import Logging
import MartletCore
import MartletData
import MartletTelemetry
import MartletTesting
import ServiceLifecycle
import Synchronization
import Testing

@testable import MartletMessaging

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

struct Counted: Event {
    static let type = "shop.counted"
    let subject: String
    let number: Int
}

struct Work: Job {
    let name: String
}

/// A service of a test: its database, and the means to run its messages in one process or several.
struct TestService: Sendable {
    let name: String
    let database: Database
    let broker: any Broker
    var events: [any Event.Type] = [Counted.self]
    var options = TestService.quick

    /// Short times, so that tests need not wait.
    static var quick: MessagingOptions {
        var options = MessagingOptions()
        options.heartbeat = .milliseconds(200)
        options.deadAfter = .seconds(2)
        options.firstRetry = .milliseconds(20)
        options.grace = .milliseconds(300)
        return options
    }

    func messages(clock: WallClock? = nil) -> Messages {
        Messages(of: name, on: database, publishing: events, testClock: clock)
    }

    /// Runs the messages of the service in one process while `body` runs.
    func run(
        _ declaration: MessagingDeclaration, clock: WallClock? = nil, metrics: MetricsRegistry = MetricsRegistry(),
        spans: SpanRecorder? = nil, _ body: @Sendable (Messages) async throws -> Void
    ) async throws {
        let messages = messages(clock: clock)
        let service = try MessagingService(
            messages, declaration, on: database, through: broker, published: Set(events.map { $0.type }),
            options: options, metrics: metrics, spans: spans, logger: quiet)
        try await service.prepare()
        let group = ServiceGroup(configuration: .init(services: [service], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do { result = .success(try await body(messages)) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    func emit(_ events: Counted..., through messages: Messages) async throws {
        try await database.transaction { connection in
            for event in events { try await messages.emit(event, on: connection) }
        }
    }

    @discardableResult
    func enqueue(_ job: some Job, at time: Timestamp? = nil, through messages: Messages) async throws -> Enqueued {
        try await database.transaction { try await messages.enqueue(job, at: time, on: $0) }
    }

    /// The states of all unfinished jobs, in their order.
    func states() async throws -> [String] {
        try await database.values(String.self, "SELECT state FROM jobs ORDER BY id")
    }

    func finished() async throws -> Int { try await database.count("SELECT count(*) FROM jobs_done") }
}

extension TestStore {
    /// Runs `body` with a service that has an empty database.
    func withService<Value: Sendable>(
        _ name: String = "shop", broker: any Broker = LocalBroker(), _ body: (TestService) async throws -> Value
    ) async throws -> Value {
        try await withDatabase([]) { database in
            try await body(TestService(name: name, database: database, broker: broker))
        }
    }
}

/// Reads a number from the metrics of a test.
extension MetricsRegistry {
    func value(_ line: String) -> Int? {
        exposition().split(separator: "\n").first { $0.hasPrefix(line) }?.split(separator: " ").last.flatMap { Int($0) }
    }
}
