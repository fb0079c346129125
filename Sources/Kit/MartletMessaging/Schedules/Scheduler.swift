import MartletCore
import MartletData

/// Enqueues the jobs of schedules when their time has come.
///
/// A slot is a row, written in the transaction that enqueues its job, so that it fires once, also when the leader
/// changes.
struct Scheduler: Sendable {
    /// How long after its time a slot still counts as on time.
    private static let tolerance = Duration.seconds(60)

    let database: Database
    let time: DatabaseTime
    let messages: Messages
    private let schedules: [(schedule: Schedule, slots: CronSchedule)]

    /// - Throws: ``MessagingError/invalidDeclaration(_:)`` for an expression or a time zone that does not exist.
    init(_ schedules: [Schedule], messages: Messages, database: Database, time: DatabaseTime) throws {
        self.database = database
        self.time = time
        self.messages = messages
        self.schedules = try schedules.map { schedule in
            do throws(CronError) {
                return (schedule, try CronSchedule(CronExpression(schedule.cron), timeZone: schedule.timeZone))
            } catch {
                throw MessagingError.invalidDeclaration(
                    "\(messages.service): the schedule '\(schedule.name)': \(error)")
            }
        }
    }

    /// Fires the slots that are due.
    /// - Parameter now: the database's time.
    /// - Returns: the next slot; nil when there is none.
    func fire(at now: Timestamp) async throws -> Timestamp? {
        guard !schedules.isEmpty else { return nil }
        let fired = try await fired()
        var first: Timestamp?
        for (schedule, slots) in schedules {
            if let last = fired[schedule.name] {
                if let due = slots.latest(atOrBefore: now), due > last { try await fire(schedule, due, at: now) }
            } else {
                // New: its slots begin now.
                try await record(schedule, now)
            }
            if let next = slots.next(after: now) { first = min(first ?? next, next) }
        }
        return first
    }

    private func fired() async throws -> [String: Timestamp] {
        struct Fired: Decodable {
            let name: String
            let slot: Timestamp
        }
        let rows = try await database.all(
            Fired.self,
            """
            SELECT name, max(slot) AS slot FROM schedule_slots WHERE name IN \(list: schedules.map(\.schedule.name))
            GROUP BY name
            """)
        return Dictionary(rows.map { ($0.name, $0.slot) }) { first, _ in first }
    }

    private func fire(_ schedule: Schedule, _ slot: Timestamp, at now: Timestamp) async throws {
        let isLate = now.microseconds - slot.microseconds > Self.tolerance.microseconds
        guard !(schedule.skipsMissed && isLate) else { return try await record(schedule, slot) }
        try await database.transaction { connection in
            guard try await insert(schedule, slot, on: connection) else { return }
            try await schedule.enqueue(messages, connection)
        }
    }

    private func record(_ schedule: Schedule, _ slot: Timestamp) async throws {
        _ = try await database.transaction { try await insert(schedule, slot, on: $0) }
    }

    /// - Returns: whether the slot is new.
    private func insert(_ schedule: Schedule, _ slot: Timestamp, on connection: any Connection) async throws -> Bool {
        try await connection.execute(
            """
            INSERT INTO schedule_slots (name, slot) VALUES (\(schedule.name), \(slot)) ON CONFLICT (name, slot) DO NOTHING
            """) == 1
    }
}
