import Logging
import MartletCore
import MartletData

/// Deletes what is old, a few rows at a time, and measures what is left.
struct Janitor: Sendable {
    private static let batch = 1000
    /// How long finished jobs can be looked at.
    private static let finished = Duration.seconds(86_400)
    /// How long dead jobs can be run again.
    private static let dead = Duration.seconds(30 * 86_400)
    /// How long lanes without events are remembered: longer than the outbox, so that whatever is published again is
    /// recognized.
    private static let lanes = Duration.seconds(30 * 86_400)

    private static let interval = Duration.seconds(600)
    /// How many rounds pass before the lanes are read, which takes long.
    private static let laneRounds = 144

    let database: Database
    let time: DatabaseTime

    /// Cleans up now and then while this instance leads, until the task is cancelled. By itself, because it may take longer
    /// than a heartbeat may be late.
    func run(_ leadership: Leadership, logger: Logger) async {
        var round = 0
        while !Task.isCancelled {
            if leadership.isLeader {
                round += 1
                do {
                    try await clean()
                    if round % Self.laneRounds == 0 { try await cleanLanes() }
                } catch {
                    logger.debug("cannot delete old rows", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    func clean() async throws {
        let old = time.after(.zero - Self.finished)
        let window = time.after(.zero - OutboxStore.window)
        try await deleteAll("jobs_done", "id", "finished_at < \(old)")
        try await deleteAll("outbox", "id", "published_at IS NOT NULL AND time < \(window)")
        try await deleteAll("inbox", "source, event_id", "received_at < \(window)")
        try await deleteAll("instances", "id", "seen_at < \(old)")
        // A dead job keeps its lane: only somebody who looks at it may let the lane go on.
        try await deleteAll(
            "jobs", "id", "state = 'dead' AND lane IS NULL AND run_at < \(time.after(.zero - Self.dead))")
        try await database.execute(
            """
            DELETE FROM schedule_slots WHERE slot < \(window)
            AND slot < (SELECT max(latest.slot) FROM schedule_slots AS latest WHERE latest.name = schedule_slots.name)
            """)
    }

    /// Forgets subjects without events for a long time. It reads all of them, so it is done once a day.
    func cleanLanes() async throws {
        try await deleteAll(
            "lanes", "lane",
            """
            received_at < \(time.after(.zero - Self.lanes))
            AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.lane = lanes.lane)
            """)
    }

    /// Lets the first job of a lane run if nothing before it does: whatever left it so.
    /// - Returns: the queues of the jobs.
    func repairLanes() async throws -> Set<String> {
        Set(
            try await database.values(
                String.self,
                """
                UPDATE jobs SET state = 'ready', run_at = \(time.now) WHERE state = 'blocked' AND NOT EXISTS (
                    SELECT 1 FROM jobs AS other WHERE other.lane = jobs.lane
                        AND (other.state <> 'blocked' OR other.place < jobs.place))
                RETURNING queue
                """))
    }

    private func deleteAll(_ table: StaticString, _ key: StaticString, _ condition: SQL) async throws {
        var count = 0
        repeat {
            count = try await database.execute(
                """
                DELETE FROM \(raw: table) WHERE \(condition) AND (\(raw: key)) IN (
                    SELECT \(raw: key) FROM \(raw: table) WHERE \(condition) LIMIT \(Self.batch))
                """)
            // Leaves room for others.
            try await Task.sleep(for: .milliseconds(5))
        } while count == Self.batch
    }

    func measure(into metrics: JobMetrics) async throws {
        metrics.set(
            try await database.query(
                """
                SELECT queue, state, count(*) AS count, min(run_at) AS oldest, \(time.now) AS now
                FROM jobs GROUP BY queue, state
                """, .scan
            ).decode(QueueDepth.self))
        struct Unpublished: Decodable {
            let count: Int
            let oldest: Timestamp?
            let now: Timestamp
        }
        let outbox = try await database.one(
            Unpublished.self,
            "SELECT count(*) AS count, min(time) AS oldest, \(time.now) AS now FROM outbox WHERE published_at IS NULL")
        let seconds = outbox.oldest.map { outbox.now.secondsSince1970 - $0.secondsSince1970 } ?? 0
        metrics.set(unpublished: outbox.count, oldest: max(0, Int(seconds)))
    }
}
