import Logging
import MartletData
import MartletMessaging
import MartletTesting
import Testing

@testable import MartletBrokers

/// What happens in the shared database.
@Suite struct PostgresBrokerTests {
    /// A connection to the server outside the bus.
    private func withAdministrator(_ body: (Database) async throws -> Void) async throws {
        let database = try Database(.postgres(url: try TestStore.postgresURL, schema: "public"), logger: quiet)
        do {
            try await body(database)
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }

    @Test func nothingIsLostWhenBackendsAreTerminated() async throws {
        try await withBus { bus in
            let schema = try #require(try await bus.database.value(String.self, "SELECT current_schema()"))
            let (publisher, receiver) = (try bus.broker(), try bus.broker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            let (inbox, outbox) = (Inbox(), Outbox("accounts"))
            try await withAdministrator { administrator in
                try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                    var source = EventSource("accounts")
                    for round in 1...10 {
                        outbox.add(source.events(300))
                        async let published: Void = outbox.publish(through: publisher, batch: 10)
                        try await eventually("some events") { inbox.count > (round - 1) * 300 }
                        let ended = try await administrator.count(
                            """
                            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                            WHERE application_name = \("martlet-\(schema)")
                            """)
                        #expect(ended > 0)
                        try await published
                        try await eventually("all events of the round") { inbox.count == round * 300 }
                    }
                    try await eventually("an empty table") {
                        try await bus.database.count("SELECT count(*) FROM messages") == 0
                    }
                }
            }
            #expect(inbox.disorder == [])
        }
    }

    /// Many subscribers declare while a publisher publishes without a pause.
    @Test func concurrentSubscriptionsSeeWholeBatches() async throws {
        try await withBus { bus in
            let publisher = try bus.broker()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var source = EventSource("accounts")
                    var position: String?
                    while !Task.isCancelled {
                        position = try await publisher.publish(
                            source.events(10, subjects: 1), from: "accounts", after: position)
                    }
                }
                let broker = try bus.broker()
                try await withThrowingTaskGroup(of: Void.self) { declaring in
                    for number in 0..<40 {
                        declaring.addTask {
                            try await broker.declare("subscriber\(number)", subscribesTo: ["accounts"])
                        }
                    }
                    try await declaring.waitForAll()
                }
                try await eventually("events for all") {
                    try await bus.database.count("SELECT count(DISTINCT subscriber) FROM messages") == 40
                }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
            struct Part: Decodable {
                let subscriber: String
                let first: Int64
                let last: Int64
                let count: Int64
            }
            let parts = try await bus.database.all(
                Part.self,
                """
                SELECT subscriber, min(sequence) AS first, max(sequence) AS last, count(*) AS count FROM messages
                GROUP BY subscriber
                """)
            #expect(Set(parts.map(\.last)).count == 1)
            #expect(parts.allSatisfy { $0.count == $0.last - $0.first + 1 && $0.first % 10 == 1 })
        }
    }

    /// The hint alone delivers: nobody looks for a day.
    @Test func notificationWakesTheReceiver() async throws {
        try await withBus { bus in
            let (publisher, receiver) = (try bus.broker(), try bus.broker { $0.pollInterval = .seconds(86_400) })
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                var position: String?
                for round in 1...5 {
                    position = try await publisher.publish(source.events(1), from: "accounts", after: position)
                    try await eventually("the event") { inbox.count == round }
                }
            }
        }
    }

    /// A row that is committed after rows with higher ids were received, without a hint.
    @Test func rowThatIsCommittedLaterIsReceived() async throws {
        try await withBus { bus in
            let (publisher, receiver) = (try bus.broker(), try bus.broker())
            try await receiver.declare("analytics", subscribesTo: ["accounts", "catalog"])
            var (accounts, catalog) = (EventSource("accounts"), EventSource("catalog"))
            let (early, later, others) = (accounts.events(5), accounts.events(5), catalog.events(5))
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts", "catalog"], through: receiver, store: inbox.store) {
                _ = try await publisher.publish(early, from: "accounts", after: nil)
                try await eventually("the first events") { inbox.count == 5 }
                try await bus.database.transaction { connection in
                    try await connection.execute(
                        """
                        INSERT INTO messages (subscriber, source, event_id, type, version, subject, time, data)
                        VALUES ('analytics', 'accounts', 'late', 'accounts.late', 1, '', now(), '{}')
                        """)
                    _ = try await publisher.publish(later, from: "accounts", after: nil)
                    _ = try await publisher.publish(others, from: "catalog", after: nil)
                    try await eventually("the events with higher ids") { inbox.count == 15 }
                }
                try await eventually("the row with the lower id") { inbox.count == 16 }
            }
            #expect(inbox.ids.last == "late")
            #expect(inbox.deliveries == 16)
        }
    }

    /// A row between those of a batch that is committed while the batch is stored: it is not deleted with them.
    @Test func rowThatIsCommittedAmongABatchIsReceived() async throws {
        try await withBus { bus in
            let (publisher, receiver) = (try bus.broker(), try bus.broker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let (early, later) = (source.events(5), source.events(5))
            let (inbox, gate) = (Inbox(), Gate())
            let store: @Sendable ([Envelope]) async throws -> Void = { events in
                await gate.pass()
                inbox.store(events)
            }
            _ = try await publisher.publish(early, from: "accounts", after: nil)
            try await receiving("analytics", from: ["accounts"], through: receiver, store: store) {
                try await bus.database.transaction { connection in
                    try await connection.execute(
                        """
                        INSERT INTO messages (subscriber, source, event_id, type, version, subject, time, data)
                        VALUES ('analytics', 'accounts', 'late', 'accounts.late', 1, '', now(), '{}')
                        """)
                    _ = try await publisher.publish(later, from: "accounts", after: nil)
                    try await eventually("a batch") { gate.arrivals > 0 }
                }
                gate.open()
                try await eventually("the row among them") { inbox.count == 11 }
            }
            #expect(inbox.ids.last == "late")
        }
    }

    /// While a transaction is open, deleted rows stay, and a read from the beginning passes them all.
    @Test func longTransactionDoesNotSlowReading() async throws {
        try await withBus { bus in
            let (publisher, receiver) = (try bus.broker(), try bus.broker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let inbox = Inbox()
            let count = 10_000
            let events = source.events(count)
            try await withAdministrator { administrator in
                try await administrator.read { connection in
                    // Takes the snapshot that keeps the rows.
                    _ = try await connection.query("SELECT count(*) FROM pg_class")
                    try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                        _ = try await publisher.publish(events, from: "accounts", after: nil)
                        try await eventually("all events") { inbox.count == count }
                    }
                    let reader = BusReceiver(
                        database: bus.database, subscriber: "analytics", sources: ["accounts"], options: .init(),
                        logger: quiet, store: { _ in })
                    let highest = try await bus.database.value(
                        Int64.self, "SELECT CAST(last_value AS BIGINT) FROM messages_id_seq")
                    let fromTheStart = try await pages(reader.selection(after: [:]), on: bus.database)
                    let fromTheLast = try await pages(
                        reader.selection(after: ["accounts": try #require(highest)]), on: bus.database)
                    #expect(fromTheLast < 20)
                    #expect(fromTheStart > 10 * fromTheLast)
                }
            }
        }
    }

    /// The number of pages that a statement reads.
    private func pages(_ statement: SQL, on database: Database) async throws -> Int {
        let lines = try await database.values(String.self, "EXPLAIN (ANALYZE, BUFFERS) \(statement)")
        // The first line with buffers is that of the whole statement.
        let line = try #require(lines.first { $0.contains("Buffers:") }, "\(lines)")
        return line.split(separator: " ").reduce(0) { sum, word in
            let parts = word.split(separator: "=")
            return parts.count == 2 && (parts[0] == "hit" || parts[0] == "read") ? sum + (Int(parts[1]) ?? 0) : sum
        }
    }

    /// Nobody waits for a process that was stopped while it stored a batch: it has no transaction open.
    @Test func storingHoldsNoTransaction() async throws {
        try await withBus { bus in
            let schema = try #require(try await bus.database.value(String.self, "SELECT current_schema()"))
            let broker = try bus.broker()
            try await broker.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            _ = try await broker.publish(source.events(5), from: "accounts", after: nil)
            let gate = Gate()
            let stuck: @Sendable ([Envelope]) async throws -> Void = { _ in await gate.pass() }
            try await receiving("analytics", from: ["accounts"], through: broker, store: stuck) {
                try await eventually("a batch") { gate.arrivals > 0 }
                try await withAdministrator { administrator in
                    let open = try await administrator.count(
                        """
                        SELECT count(*) FROM pg_stat_activity
                        WHERE application_name = \("martlet-\(schema)") AND state LIKE 'idle in transaction%'
                        """)
                    #expect(open == 0)
                }
                gate.open()
            }
        }
    }

    @Test func anotherDatabaseIsNoticed() async throws {
        try await withBus { bus in
            let broker = try bus.broker()
            var source = EventSource("accounts")
            try await broker.declare("analytics", subscribesTo: ["accounts"])
            let position = try await broker.publish(source.events(1), from: "accounts", after: nil)
            try await bus.database.execute("UPDATE bus SET epoch = 'restored'")
            await #expect(throws: BrokerError.forgot) {
                try await broker.publish([], from: "accounts", after: position)
            }
            await #expect(throws: BrokerError.forgot) {
                try await broker.publish(source.events(1), from: "accounts", after: position)
            }
            // Nothing of the refused batch is there.
            let count = try await bus.database.count("SELECT count(*) FROM messages")
            #expect(count == 1)
        }
    }

    /// The setting was changed: what the other transport still holds is published again.
    @Test func positionOfRedisIsForgotten() async throws {
        try await withBus { bus in
            let broker = try bus.broker()
            await #expect(throws: BrokerError.forgot) {
                try await broker.publish([], from: "accounts", after: "Xu2a/1763800000000-0")
            }
            let position = try await broker.publish([], from: "accounts", after: nil)
            try await withRedisBrokers(try RedisServer.sharedURL) { makeBroker in
                let redis = try makeBroker { $0.prefix = uniqueName("test:") }
                await #expect(throws: BrokerError.forgot) {
                    try await redis.publish([], from: "accounts", after: position)
                }
            }
        }
    }

    @Test func unsubscribingDeletesTheEvents() async throws {
        try await withBus { bus in
            let broker = try bus.broker()
            try await broker.declare("old", subscribesTo: ["accounts"])
            try await broker.declare("new", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            _ = try await broker.publish(source.events(10), from: "accounts", after: nil)
            try await broker.unsubscribe("old", from: "accounts")
            _ = try await broker.publish(source.events(10), from: "accounts", after: nil)
            let subscribers = try await bus.database.values(
                String.self, "SELECT subscriber FROM messages GROUP BY subscriber HAVING count(*) = 20")
            #expect(subscribers == ["new"])
            let others = try await bus.database.count("SELECT count(*) FROM messages WHERE subscriber = 'old'")
            #expect(others == 0)
        }
    }

    @Test func severalProcessesMigrateAtOnce() async throws {
        try await withBus { bus in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<5 { group.addTask { try await bus.broker().migrate() } }
                try await group.waitForAll()
            }
            let epochs = try await bus.database.count("SELECT count(*) FROM bus")
            #expect(epochs == 1)
        }
    }

    @Test func sqliteIsRefused() async throws {
        let database = try Database(.sqliteInMemory, logger: quiet)
        #expect(throws: DatabaseError.self) { try PostgresBroker(database, logger: quiet) }
        await database.close()
    }

    @Test func missingServerIsAnError() async throws {
        let database = try Database(.postgres(url: "postgres://127.0.0.1:1/x", schema: "bus"), logger: quiet)
        let broker = try PostgresBroker(database, logger: quiet)
        await #expect(throws: DatabaseError.self) {
            try await broker.receive("analytics", from: ["accounts"]) { _ in }
        }
        await database.close()
    }
}
