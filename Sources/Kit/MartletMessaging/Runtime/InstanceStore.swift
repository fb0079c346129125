import MartletCore
import MartletData

/// The processes that run the service, and the one among them that does what must be done once: the leader.
struct InstanceStore: Sendable {
    let database: Database
    let time: DatabaseTime
    let instance: String
    let deadAfter: Duration

    /// What a look at the database finds.
    struct Look: Decodable, Sendable {
        let now: Timestamp
        let hasReady: Bool
        let hasUnpublished: Bool
        let hasCancelled: Bool
        let hasStranded: Bool
        /// Whether jobs have only one more chance; see ``LastChance``.
        let hasLastChances: Bool
        /// The number of jobs that the database believes to run here.
        let running: Int
        let nextRun: Timestamp?
        let leader: String?
        let instances: Int
    }

    /// The instance that asks is alive, even if it has been stopped for a while, or if SQLite's clock has been put forward.
    private var alive: SQL {
        "(SELECT id FROM instances WHERE seen_at > \(time.after(.zero - deadAfter)) OR id = \(instance))"
    }

    /// Says that this instance is alive.
    func beat() async throws { try await database.execute(beating) }

    private var beating: SQL {
        """
        INSERT INTO instances (id, seen_at) VALUES (\(instance), \(time.now))
        ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
        """
    }

    /// Finds what there is to do.
    /// - Parameter isBeat: whether to say that this instance is alive, on PostgreSQL in the same statement.
    func look(beating isBeat: Bool = false) async throws -> Look {
        guard isBeat, database.dialect == .postgres else {
            if isBeat { try await beat() }
            return try await database.one(Look.self, looking)
        }
        return try await database.one(Look.self, "WITH beat AS (\(beating)) \(looking)")
    }

    private var looking: SQL {
        """
        SELECT \(time.now) AS now,
            EXISTS (SELECT 1 FROM jobs WHERE state = 'ready') AS has_ready,
            EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL) AS has_unpublished,
            EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND claimed_by = \(instance)
                AND cancel_requested = \(true)) AS has_cancelled,
            EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND claimed_by NOT IN \(alive)) AS has_stranded,
            EXISTS (SELECT 1 FROM jobs WHERE \(LastChance.isReady)) AS has_last_chances,
            (SELECT count(*) FROM jobs WHERE state = 'running' AND claimed_by = \(instance)) AS running,
            (SELECT min(run_at) FROM jobs WHERE state = 'scheduled') AS next_run,
            (SELECT instance FROM leases WHERE name = 'leader' AND instance IN \(alive)) AS leader,
            (SELECT count(*) FROM instances WHERE seen_at > \(time.after(.zero - deadAfter))) AS instances
        """
    }

    /// Takes the lead unless a living instance has it.
    /// - Returns: whether this instance leads.
    func lead() async throws -> Bool {
        try await database.execute(
            """
            INSERT INTO leases (name, instance) VALUES ('leader', \(instance))
            ON CONFLICT (name) DO UPDATE SET instance = excluded.instance WHERE leases.instance NOT IN \(alive)
            """) == 1
    }

    /// Forgets this instance, so that others need not wait until it counts as dead.
    func leave() async throws {
        try await database.execute("DELETE FROM instances WHERE id = \(instance)")
    }

    /// Forgets all instances: on SQLite there is one process, and it starts now.
    func forgetAll() async throws {
        try await database.execute("DELETE FROM instances")
    }

    /// Makes due jobs ready.
    /// - Returns: their queues.
    func promote() async throws -> Set<String> {
        Set(
            try await database.values(
                String.self,
                """
                UPDATE jobs SET state = 'ready' WHERE id IN (
                    SELECT id FROM jobs WHERE state = 'scheduled' AND run_at <= \(time.now)
                    ORDER BY run_at LIMIT 1000\(database.dialect.forUpdateSkipLocked))
                RETURNING queue
                """))
    }

    /// Takes jobs away from dead instances. A job with which the process has died three times is dead itself.
    /// - Returns: the ids of the jobs, and whether each is dead.
    func rescue() async throws -> [Rescued] {
        let failures = JobFailures(nil).adding(ProcessDied(), attempt: 0, at: WallClock.system.now)
        return try await database.all(
            Rescued.self,
            """
            UPDATE jobs SET crashes = crashes + 1, claimed_by = NULL, run_at = \(time.now),
                errors = CASE WHEN crashes + 1 >= \(Self.maximumCrashes) THEN \(failures.text) ELSE errors END,
                state = CASE WHEN crashes + 1 >= \(Self.maximumCrashes) THEN 'dead' ELSE 'ready' END
            WHERE id IN (
                SELECT id FROM jobs WHERE state = 'running' AND claimed_by NOT IN \(alive)
                LIMIT 1000\(database.dialect.forUpdateSkipLocked))
            RETURNING id, kind, queue, state
            """)
    }

    /// After how many deaths of the process a job is dead.
    static let maximumCrashes = 3

    struct Rescued: Decodable, Sendable {
        let id: Int64
        let kind: String
        let queue: String
        let state: String
    }

    /// Gives back all jobs of this instance without counting the attempt.
    func releaseAll() async throws {
        try await database.execute(
            """
            UPDATE jobs SET state = 'ready', attempt = attempt - 1, claimed_by = NULL
            WHERE state = 'running' AND claimed_by = \(instance)
            """)
    }

    /// Moves unfinished jobs to the queues that this program declares for their kinds.
    func requeue(_ kinds: [JobKind]) async throws {
        for kind in kinds {
            try await database.execute(
                """
                UPDATE jobs SET queue = \(kind.queue) WHERE kind = \(kind.name) AND queue <> \(kind.queue)
                AND state <> 'running'
                """)
        }
    }
}

/// Why a job is dead that nobody saw fail.
private struct ProcessDied: Error, CustomStringConvertible {
    var description: String { "the process died \(InstanceStore.maximumCrashes) times while the job ran" }
}
