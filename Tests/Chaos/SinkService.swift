import MartletCore
import MartletData
import MartletMessaging
import MartletWeb

/// Writes down what it hears and what its jobs do. No constraint hides what happens twice.
struct SinkService: Service {
    static let name = "sink"
    static let summary = "Writes down what it hears, and runs jobs."
    static let prefixes = ["/api/sink"]
    static let events: [any Event.Type] = [Echoed.self]
    static let migrations = [
        Migration(1, "what is heard and done") { dialect in
            [
                "CREATE TABLE heard (id \(dialect.identity), subject TEXT NOT NULL, number BIGINT NOT NULL, unit TEXT)",
                "CREATE TABLE noticed (id \(dialect.identity), subject TEXT NOT NULL, number BIGINT NOT NULL)",
                "CREATE TABLE wanted (id \(dialect.identity), name TEXT NOT NULL)",
                "CREATE TABLE done (id \(dialect.identity), name TEXT NOT NULL)",
            ]
        }
    ]

    let platform: Platform

    init(_ platform: Platform, settings: NoSettings) { self.platform = platform }

    var routes: [Route] {
        Group("/api/sink", tag: "Sink") {
            Post("jobs", use: enqueue).public.summary("Enqueue jobs of a kind")
        }
    }

    var handlers: [Handler] {
        // Each may wait five seconds for a lock, which a suspended process keeps for thirty.
        On(Counted.self, use: hear).attempts(7)
        On(Noticed.self, use: notice).attempts(3).unordered
    }

    var jobs: [JobKind] { SinkJobs(database: platform.database).all }

    var schedules: [Schedule] { Every("tick", "* * * * *", Tick()) }

    @Sendable func hear(_ event: Counted, _ delivery: Delivery, _ connection: any Connection) async throws {
        try await connection.execute(
            "INSERT INTO heard (subject, number, unit) VALUES (\(event.subject), \(event.number), \(event.unit))")
        if event.number.isMultiple(of: 10) {
            try await platform.messages.emit(Echoed(subject: event.subject, number: event.number), on: connection)
        }
    }

    @Sendable func notice(_ event: Noticed, _ delivery: Delivery, _ connection: any Connection) async throws {
        try await connection.execute(
            "INSERT INTO noticed (subject, number) VALUES (\(event.subject), \(event.number))")
    }

    struct Wanted: Input {
        enum Kind: String, Codable, Sendable, CaseIterable { case note, crawl, nap, crash }

        let kind: Kind
        let names: [String]
        /// What `nap` sleeps.
        let milliseconds: Int

        static let rules = Rules {
            Rule(CodingKeys.kind, "The kind of the jobs.")
            Rule(CodingKeys.names, "The names of the jobs.", length: 1...1000)
            Rule(CodingKeys.milliseconds, "How long `nap` sleeps.", minimum: 0, maximum: 60_000, default: 0)
        }
    }

    @Sendable func enqueue(_ context: Context, _ input: Wanted) async throws -> NoContent {
        try await platform.database.transaction { connection in
            for name in input.names {
                try await connection.execute("INSERT INTO wanted (name) VALUES (\(name))")
                let messages = platform.messages
                switch input.kind {
                case .note: try await messages.enqueue(Note(name: name), on: connection)
                case .crawl: try await messages.enqueue(Crawl(name: name), on: connection)
                case .nap:
                    try await messages.enqueue(Nap(name: name, milliseconds: input.milliseconds), on: connection)
                case .crash: try await messages.enqueue(Crash(name: name), on: connection)
                }
            }
        }
        return NoContent()
    }
}
