import Logging
import MartletCore
import MartletData
import MartletMessaging

/// Receives the events of a subscriber from the shared database.
///
/// What is there is read, whatever its id: rows may be committed later than rows with higher ids. But a read from the
/// beginning passes all deleted rows that cannot be vacuumed yet, because somewhere a transaction has been open for
/// long. So most reads begin behind the last row of the source, where the next row nearly always is; and some, the
/// sweeps, at the beginning, the less often the longer they take.
struct BusReceiver: Sendable {
    /// The bytes after which a source's batch ends.
    private static let maximumBytes = 4 << 20

    let database: Database
    let subscriber: String
    let sources: [String]
    let options: PostgresBroker.Options
    let logger: Logger
    let store: @Sendable ([Envelope]) async throws -> Void

    /// The name of the channel on which a subscriber is woken. Channels belong to the database, and the schema to a
    /// platform.
    static func channel(of subscriber: SQL) -> SQL {
        "'martlet_' || md5(current_schema() || '.' || \(subscriber))"
    }

    /// Runs until the task is cancelled or the database fails.
    func run() async throws {
        let name: SQL = "CAST(\(subscriber) AS TEXT)"
        guard let channel = try await database.value(String.self, "SELECT \(Self.channel(of: name))") else { return }
        let (wakeups, wakeup) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await database.listen(to: channel) { wakeup.yield() } }
            group.addTask {
                while true {
                    wakeup.yield()
                    try await Task.sleep(for: options.pollInterval * Double.random(in: 0.5..<1))
                }
            }
            group.addTask {
                var reading = Reading()
                for await _ in wakeups { try await receive(&reading) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try Task.checkCancellation()
    }

    /// How far the sources have been read.
    private struct Reading {
        var last: [String: Int64] = [:]
        var sweep = ContinuousClock.now
    }

    /// Receives what there is.
    private func receive(_ reading: inout Reading) async throws {
        var retry = options.retry
        var hasMore = true
        while hasMore {
            let start = ContinuousClock.now
            let isSweep = reading.sweep <= start
            let messages = try await read(after: isSweep ? [:] : reading.last, isSweep ? .scan : .lookUp)
            if isSweep {
                let now = ContinuousClock.now
                reading.sweep = now + max(options.pollInterval, (now - start) * 20)
            }
            hasMore = false
            do {
                for source in sources {
                    guard let batch = messages[source], let last = batch.last else { continue }
                    try await StoreFailure.wrap { try await store(batch.map(\.event)) }
                    try await delete(batch, of: source)
                    reading.last[source] = max(reading.last[source] ?? 0, last.id)
                    // A sweep may end before the last row that was read.
                    hasMore = hasMore || isSweep || isFull(batch)
                }
                retry.reset()
            } catch let failure as StoreFailure {
                logger.warning(
                    "events could not be stored and are received again",
                    metadata: ["subscriber": "\(subscriber)", "error": "\(failure.reason)"])
                try await Task.sleep(for: retry.next())
                hasMore = true
            }
        }
    }

    private func isFull(_ batch: [Message]) -> Bool {
        batch.count >= options.batch || batch.reduce(0) { $0 + $1.data.utf8.count } >= Self.maximumBytes
    }

    private func read(after last: [String: Int64], _ kind: StatementKind) async throws -> [String: [Message]] {
        let rows = try await database.query(selection(after: last), kind)
        return Dictionary(grouping: try rows.decode(Message.self), by: \.source)
    }

    /// The next rows of each source, by their ids.
    func selection(after last: [String: Int64]) -> SQL {
        let starts = sources.map { String(last[$0] ?? 0) }
        return """
            SELECT message.*
            FROM unnest(CAST(\(TextArray(sources).text) AS TEXT[]), CAST(\(TextArray(starts).text) AS BIGINT[]))
                AS wanted (source, last)
            CROSS JOIN LATERAL (
                SELECT *, sum(octet_length(data)) OVER (ORDER BY id) - octet_length(data) AS bytes_before
                FROM (
                    SELECT * FROM messages
                    WHERE subscriber = \(subscriber) AND messages.source = wanted.source AND id > wanted.last
                    ORDER BY id LIMIT \(options.batch)
                ) AS next
            ) AS message
            WHERE message.bytes_before < \(Self.maximumBytes)
            ORDER BY message.source, message.id
            """
    }

    /// Deletes exactly the rows of the batch: rows between them may have been committed meanwhile.
    private func delete(_ batch: [Message], of source: String) async throws {
        try await database.execute(
            """
            DELETE FROM messages WHERE subscriber = \(subscriber) AND source = \(source)
            AND id = ANY(CAST(\(TextArray(batch.map { String($0.id) }).text) AS BIGINT[]))
            """)
    }
}

/// A row of `messages`.
private struct Message: Decodable {
    let source: String
    let id: Int64
    let eventID: String
    let type: String
    let version: Int
    let subject: String
    let sequence: Int64?
    let time: Timestamp
    let data: String
    let trace: String?
    let requestID: String?

    var event: Envelope {
        Envelope(
            id: eventID, source: source, type: type, version: version, subject: subject, sequence: sequence, time: time,
            data: data, trace: trace, requestID: requestID)
    }
}
