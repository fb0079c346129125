import MartletBrokers
import MartletCore
import MartletData
import MartletMessaging
import MartletRedis
import MartletTesting
import NIOPosix
import Testing

/// A way of carrying events, which the conformance tests run on.
struct Transport: Sendable, CustomTestStringConvertible {
    /// Makes the broker of one more process.
    typealias MakeBroker = @Sendable () async throws -> any Broker

    let name: String
    /// Runs a test with brokers that reach each other and no others.
    let run: @Sendable (_ body: @Sendable (MakeBroker) async throws -> Void) async throws -> Void

    var testDescription: String { name }

    static let redis = Transport(name: "Redis") { body in
        let url = try RedisServer.sharedURL
        let prefix = uniqueName("test:")
        try await withRedisBrokers(url) { makeBroker in
            try await body { try makeBroker { $0.prefix = prefix } }
        }
    }

    static let postgres = Transport(name: "PostgreSQL") { body in
        try await withBus { bus in try await body { try bus.broker() } }
    }

    /// One process: a publisher waits until its subscribers have stored the events.
    static let local = Transport(name: "in process") { body in
        let broker = LocalBroker()
        try await body { broker }
    }

    static let all = [local, redis, postgres]
    /// Those that keep events for subscribers that do not run.
    static let betweenProcesses = [redis, postgres]
}

/// Makes brokers of a Redis, and closes them afterwards.
func withRedisBrokers(
    _ url: String,
    _ body: (
        @escaping @Sendable (_ configure: @Sendable (inout RedisStreamsBroker.Options) -> Void) throws ->
            RedisStreamsBroker
    ) async throws -> Void
) async throws {
    let location = try RedisLocation(url: url)
    let brokers = Shared<[RedisStreamsBroker]>([])
    let result: Result<Void, any Error>
    do {
        try await body { configure in
            var options = RedisStreamsBroker.Options()
            options.block = .milliseconds(50)
            options.retry = promptly
            configure(&options)
            let broker = RedisStreamsBroker(
                location, options: options, eventLoops: MultiThreadedEventLoopGroup.singleton, logger: quiet)
            brokers.change { $0.append(broker) }
            return broker
        }
        result = .success(())
    } catch {
        result = .failure(error)
    }
    for broker in brokers.value { await broker.close() }
    try result.get()
}

/// A bus of a test's own, and connections to it.
final class Bus: Sendable {
    let database: Database
    private let location: Database.Location
    private let others = Shared<[Database]>([])

    fileprivate init(_ database: Database, _ location: Database.Location) {
        self.database = database
        self.location = location
    }

    /// A broker with connections of its own, as in another process.
    func broker(_ configure: (inout PostgresBroker.Options) -> Void = { _ in }) throws -> PostgresBroker {
        let database = try Database(location, logger: quiet)
        others.change { $0.append(database) }
        var options = PostgresBroker.Options()
        options.pollInterval = .milliseconds(100)
        options.retry = promptly
        configure(&options)
        return try PostgresBroker(database, options: options, logger: quiet)
    }

    fileprivate func close() async {
        for database in others.value { await database.close() }
    }
}

func withBus(_ body: @Sendable (Bus) async throws -> Void) async throws {
    try await TestStore.postgres.withDatabase([]) { database in
        let schema = try #require(try await database.value(String.self, "SELECT current_schema()"))
        let bus = Bus(database, .postgres(url: try TestStore.postgresURL, schema: schema))
        do {
            try await bus.broker().migrate()
            try await body(bus)
            await bus.close()
        } catch {
            await bus.close()
            throw error
        }
    }
}
