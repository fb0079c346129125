import MartletCore
import MartletData

/// The events that a service has emitted, and which of them the broker has.
struct OutboxStore: Sendable {
    /// How long published events are kept, to be published again when a broker forgets or a subscriber lacks some. Counted
    /// from when they happened: subscribers remember for as long what they have received.
    static let window = Duration.seconds(14 * 86_400)

    let database: Database
    let time: DatabaseTime
    let source: String

    struct Entry: Sendable {
        let id: Int64
        let envelope: Envelope
    }

    private struct EntryRow: Decodable {
        let id: Int64
        let eventId: String
        let type: String
        let version: Int
        let subject: String
        let sequence: Int64
        let time: Timestamp
        let data: String
        let trace: String?
        let requestId: String?
    }

    /// The oldest unpublished events. They are found by their state, never as those after the last id: transactions commit
    /// in another order than that in which they take ids.
    func unpublished(atMost count: Int) async throws -> [Entry] {
        let rows = try await database.all(
            EntryRow.self,
            """
            SELECT id, event_id, type, version, subject, sequence, time, data, trace, request_id
            FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT \(count)
            """)
        return rows.map { row in
            let envelope = Envelope(
                id: row.eventId, source: source, type: row.type, version: row.version, subject: row.subject,
                sequence: row.sequence, time: row.time, data: row.data, trace: row.trace, requestID: row.requestId)
            return Entry(id: row.id, envelope: envelope)
        }
    }

    func position() async throws -> String? {
        try await database.value(String.self, "SELECT position FROM broker_positions WHERE source = \(source)")
    }

    /// Records that the broker has the events, and its position after them.
    func published(_ entries: [Entry], position: String?) async throws {
        guard let last = entries.last else { return }
        try await database.transaction { connection in
            for batch in entries.map(\.id).batches(of: 100) {
                // Few different sizes are few different statements to prepare.
                let size = [1, 10].first { $0 >= batch.count } ?? 100
                let ids = Array(batch) + repeatElement(last.id, count: size - batch.count)
                try await connection.execute("UPDATE outbox SET published_at = \(time.now) WHERE id IN \(list: ids)")
            }
            guard position != nil else { return }
            try await connection.execute(
                """
                INSERT INTO broker_positions (source, position) VALUES (\(source), \(position))
                ON CONFLICT (source) DO UPDATE SET position = excluded.position
                """)
        }
    }

    /// Publishes again what the broker may have forgotten: everything that is kept.
    /// - Returns: the number of events.
    func publishAgain() async throws -> Int {
        var count = 0
        var from = try await database.value(Int64.self, "SELECT min(id) FROM outbox") ?? 1
        let last = try await database.value(Int64.self, "SELECT max(id) FROM outbox") ?? 0
        while from <= last {
            let next = from + 5000
            count += try await database.execute(
                """
                UPDATE outbox SET published_at = NULL WHERE id >= \(from) AND id < \(next) AND published_at IS NOT NULL
                AND time >= \(time.after(.zero - Self.window))
                """)
            from = next
        }
        // Last, so that a process that is interrupted begins again.
        try await database.execute("DELETE FROM broker_positions WHERE source = \(source)")
        return count
    }

    /// Publishes events of a subject again.
    /// - Returns: the number of events.
    func publishAgain(_ missing: MissingEvents) async throws -> Int {
        try await database.execute(
            """
            UPDATE outbox SET published_at = NULL
            WHERE subject = \(missing.subject) AND sequence >= \(missing.from) AND published_at IS NOT NULL
            AND time >= \(time.after(.zero - Self.window))
            """)
    }
}
