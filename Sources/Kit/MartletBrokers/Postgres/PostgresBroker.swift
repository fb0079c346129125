public import Logging
public import MartletCore
public import MartletData
public import MartletMessaging

/// Carries events in one PostgreSQL database that all services share: a row for each event and subscriber.
///
/// Each call is one statement, which sees all subscriptions or, if it began before, none of a new one: a subscription
/// has no gap after its first event. No transaction is open while a subscriber stores, so a process that is stopped
/// holds nothing up. Events are deleted after they were stored.
public struct PostgresBroker: Broker {
    /// The schema to open the database with.
    public static let schema = "martlet_bus"

    public struct Options: Sendable {
        /// The maximum number of events in a batch. Default: 500.
        public var batch = 500
        /// The longest time between two looks for events. Half of it is random. Default: 5 seconds.
        public var pollInterval: Duration = .seconds(5)
        /// The wait before a batch that could not be stored is received again. Default: from 100 ms to 10 s.
        public var retry = Backoff(initial: .milliseconds(100), maximum: .seconds(10))

        public init() {}
    }

    private let database: Database
    private let options: Options
    private let logger: Logger

    /// - Parameter database: a PostgreSQL database with the same schema in all processes. The caller closes it.
    /// - Throws: `DatabaseError.other` with `configuration` for another kind of database.
    public init(_ database: Database, options: Options = .init(), logger: Logger) throws {
        guard database.dialect == .postgres else {
            throw DatabaseError.other(code: "configuration", message: "events between processes need PostgreSQL")
        }
        self.database = database
        self.options = options
        self.logger = logger
    }

    /// Creates the tables. Must be called before anything else. Several processes may do this at the same time.
    public func migrate() async throws { try await database.migrate(BusMigrations.all) }

    // MARK: Subscriptions

    public func declare(_ subscriber: String, subscribesTo sources: Set<String>) async throws {
        guard !sources.isEmpty else { return }
        try await database.execute(
            """
            INSERT INTO subscriptions (source, subscriber)
            SELECT source, \(subscriber)
            FROM unnest(CAST(\(TextArray(sources.sorted()).text) AS TEXT[])) AS new (source)
            ON CONFLICT DO NOTHING
            """)
    }

    /// Ends a subscription for good. Without this, the events for a subscriber that no longer exists are kept for ever.
    public func unsubscribe(_ subscriber: String, from source: String) async throws {
        try await database.execute("DELETE FROM subscriptions WHERE source = \(source) AND subscriber = \(subscriber)")
        // In parts, because a statement has a time limit.
        let part: SQL =
            """
            DELETE FROM messages WHERE subscriber = \(subscriber) AND source = \(source) AND id IN (
                SELECT id FROM messages WHERE subscriber = \(subscriber) AND source = \(source) ORDER BY id LIMIT 10000
            )
            """
        while try await database.execute(part) > 0 {}
    }

    // MARK: Publishing

    public func publish(
        _ events: [Envelope], from source: String, after position: String?
    ) async throws -> String? {
        guard !events.isEmpty else { return try await check(position) }
        var position = position
        for chunk in events.chunks(ofAtMost: 500, bytes: 4 << 20) {
            position = try await insert(chunk, from: source, after: position)
        }
        return position
    }

    private func check(_ position: String?) async throws -> String {
        guard let epoch = try await database.value(String.self, "SELECT epoch FROM bus"),
            position == nil || position == epoch
        else { throw BrokerError.forgot }
        return epoch
    }

    private func insert(
        _ events: ArraySlice<Envelope>, from source: String, after position: String?
    ) async throws -> String {
        func array(_ value: (Envelope) -> String?) -> String { TextArray(events.lazy.map(value)).text }
        let rows = try await database.query(
            """
            WITH inserted AS (
                INSERT INTO messages (
                    subscriber, source, event_id, type, version, subject, sequence, time, data, trace, request_id)
                SELECT subscriptions.subscriber, subscriptions.source, new.event_id, new.type, new.version, new.subject,
                    new.sequence, new.time, new.data, new.trace, new.request_id
                FROM unnest(
                    CAST(\(array(\.id)) AS TEXT[]), CAST(\(array(\.type)) AS TEXT[]),
                    CAST(\(array { String($0.version) }) AS BIGINT[]), CAST(\(array(\.subject)) AS TEXT[]),
                    CAST(\(array { $0.sequence.map { String($0) } }) AS BIGINT[]),
                    CAST(\(array(\.time.description)) AS TIMESTAMPTZ[]), CAST(\(array(\.data)) AS TEXT[]),
                    CAST(\(array(\.trace)) AS TEXT[]), CAST(\(array(\.requestID)) AS TEXT[])
                ) WITH ORDINALITY AS new (
                    event_id, type, version, subject, sequence, time, data, trace, request_id, place)
                CROSS JOIN subscriptions
                WHERE subscriptions.source = \(source) AND COALESCE(\(position), (SELECT epoch FROM bus)) IN (
                    SELECT epoch FROM bus)
                ORDER BY new.place
                RETURNING subscriber
            )
            SELECT bus.epoch, inserted.subscriber
            FROM bus LEFT JOIN (SELECT DISTINCT subscriber FROM inserted) AS inserted ON TRUE
            """)
        guard let epoch = try rows.first?["epoch", as: String.self], position == nil || position == epoch else {
            throw BrokerError.forgot
        }
        await notify(try rows.compactMap { try $0["subscriber", as: String?.self] })
        return epoch
    }

    /// Wakes the subscribers. A statement of its own, because a notification takes a lock of the whole server when it
    /// is committed; and only a hint, because the receivers look for themselves.
    private func notify(_ subscribers: [String]) async {
        guard !subscribers.isEmpty else { return }
        do {
            try await database.execute(
                """
                SELECT pg_notify(\(BusReceiver.channel(of: "subscriber")), '')
                FROM unnest(CAST(\(TextArray(subscribers).text) AS TEXT[])) AS woken (subscriber)
                """)
        } catch {
            logger.debug("a notification was not sent", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Receiving

    public func receive(
        _ subscriber: String, from sources: Set<String>, store: @escaping @Sendable ([Envelope]) async throws -> Void
    ) async throws {
        try await BusReceiver(
            database: database, subscriber: subscriber, sources: sources.sorted(), options: options, logger: logger,
            store: store
        ).run()
    }

    // MARK: Missing events

    public func request(_ missing: MissingEvents) async throws {
        try await database.execute(
            """
            INSERT INTO requests (source, subject, first_missing)
            VALUES (\(missing.source), \(missing.subject), \(missing.from))
            ON CONFLICT (source, subject) DO UPDATE
            SET first_missing = LEAST(requests.first_missing, excluded.first_missing)
            """)
    }

    public func takeRequests(to source: String) async throws -> [MissingEvents] {
        let rows = try await database.query(
            """
            DELETE FROM requests WHERE source = \(source) AND subject IN (
                SELECT subject FROM requests WHERE source = \(source) LIMIT 1000 FOR UPDATE SKIP LOCKED
            )
            RETURNING subject, first_missing
            """)
        return try rows.map { row in
            MissingEvents(
                source: source, subject: try row["subject", as: String.self],
                from: try row["first_missing", as: Int64.self])
        }
    }
}
