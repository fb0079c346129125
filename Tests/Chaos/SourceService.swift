import MartletCore
import MartletData
import MartletMessaging
import MartletWeb

/// Counts. `counters` is the truth: Sink must hear every number from 1 to the counter's, even if the client that asked for
/// them got no answer.
struct SourceService: Service {
    static let name = "source"
    static let summary = "Emits numbered events."
    static let prefixes = ["/api/source"]
    static let events: [any Event.Type] = [Counted.self, Noticed.self]
    static let migrations = [
        Migration(1, "counters and echoes") { dialect in
            [
                "CREATE TABLE counters (subject TEXT PRIMARY KEY, number BIGINT NOT NULL)",
                "CREATE TABLE echoes (id \(dialect.identity), subject TEXT NOT NULL, number BIGINT NOT NULL)",
            ]
        }
    ]

    let platform: Platform

    init(_ platform: Platform, settings: NoSettings) { self.platform = platform }

    var routes: [Route] {
        Group("/api/source", tag: "Source") {
            Post("count", use: count).public.summary("Count once on each of several subjects")
        }
    }

    var handlers: [Handler] {
        On(Echoed.self, use: write).attempts(7)
    }

    struct Subjects: Input {
        let subjects: [String]
        /// Whether the transaction is rolled back at its end.
        let isRolledBack: Bool

        static let rules = Rules {
            Rule(CodingKeys.subjects, "The subjects.", length: 1...1000)
            Rule(CodingKeys.isRolledBack, "Whether nothing is committed.", default: false)
        }
    }

    @Sendable func count(_ context: Context, _ input: Subjects) async throws -> NoContent {
        try await platform.database.transaction { connection in
            // Every transaction locks subjects in the same order.
            for subject in Set(input.subjects).sorted() {
                let number = try await connection.value(
                    Int64.self,
                    """
                    INSERT INTO counters (subject, number) VALUES (\(subject), 1)
                    ON CONFLICT (subject) DO UPDATE SET number = counters.number + 1 RETURNING number
                    """)
                guard let number else { continue }
                let unit = Environment.version > 1 ? "boxes" : nil
                try await platform.messages.emit(
                    Counted(subject: subject, number: number, unit: unit), on: connection)
                try await platform.messages.emit(Noticed(subject: subject, number: number), on: connection)
            }
            if input.isRolledBack { throw Problem.conflict("Rolled back.", code: "rolled_back") }
        }
        return NoContent()
    }

    @Sendable func write(_ event: Echoed, _ delivery: Delivery, _ connection: any Connection) async throws {
        try await connection.execute(
            "INSERT INTO echoes (subject, number) VALUES (\(event.subject), \(event.number))")
    }
}
