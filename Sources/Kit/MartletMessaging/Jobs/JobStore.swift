import MartletCore
import MartletData

/// The jobs of a service in its database. Every method is one transaction, but for those that take a connection.
///
/// A claimed job belongs to (instance, claim). Every change of it is fenced by both, so that a process that was believed
/// dead cannot finish what another one runs now.
struct JobStore: Sendable {
    let database: Database
    let time: DatabaseTime
    /// The id of this process as the owner of jobs.
    let instance: String

    // MARK: Claiming

    /// Claims ready jobs of a queue, in order of priority, time and id.
    /// - Parameter kinds: those to claim, with the newest version that this program understands.
    func claim(_ count: Int, from queue: String, _ kinds: [JobKind]) async throws -> [JobRow] {
        guard count > 0, !kinds.isEmpty else { return [] }
        return try await database.all(JobRow.self, claiming(count, from: queue, kinds))
    }

    /// Claims as many jobs as the rate limit of their kind allows, and spends it in the same transaction.
    /// - Returns: the jobs, and when to look again if the limit was reached.
    func claim(
        _ count: Int, from queue: String, _ kind: JobKind, _ limit: JobKind.RateLimit
    ) async throws -> (jobs: [JobRow], wait: Duration?) {
        guard count > 0, try await hasReady(queue, kind) else { return ([], nil) }
        return try await database.transaction { connection in
            try await connection.execute(
                """
                INSERT INTO rate_limits (kind, tokens, updated_at)
                VALUES (\(kind.name), \(Double(limit.count)), \(time.now)) ON CONFLICT (kind) DO NOTHING
                """)
            let bucket = try await connection.one(
                RateLimitRow.self,
                "SELECT tokens, updated_at FROM rate_limits WHERE kind = \(kind.name)\(connection.dialect.forUpdate)")
            let now = try await time.read(from: connection)
            var state = TokenBucket(limit, tokens: bucket.tokens, at: bucket.updatedAt)
            let available = state.available(at: now)
            let jobs =
                available == 0
                ? [] : try await connection.all(JobRow.self, claiming(min(count, available), from: queue, [kind]))
            state.spend(jobs.count)
            try await connection.execute(
                """
                UPDATE rate_limits SET tokens = \(state.tokens), updated_at = \(state.updatedAt) WHERE kind = \(kind.name)
                """)
            return (jobs, jobs.count == available ? state.wait : nil)
        }
    }

    private struct RateLimitRow: Decodable {
        let tokens: Double
        let updatedAt: Timestamp
    }

    private func hasReady(_ queue: String, _ kind: JobKind) async throws -> Bool {
        try await database.exists(
            "SELECT 1 FROM jobs WHERE state = 'ready' AND queue = \(queue) AND \(known([kind]))")
    }

    private func known(_ kinds: [JobKind]) -> SQL {
        let parts = kinds.map { "kind = \($0.name) AND version <= \($0.version)" as SQL }
        return "(\(parts.joined(separator: " OR ")))"
    }

    /// One text for both databases. The selection is materialized, so that PostgreSQL locks no more rows than it takes.
    private func claiming(_ count: Int, from queue: String, _ kinds: [JobKind]) -> SQL {
        """
        WITH picked AS MATERIALIZED (
            SELECT id FROM jobs WHERE state = 'ready' AND queue = \(queue) AND \(known(kinds))
                AND NOT EXISTS (SELECT 1 FROM queues WHERE name = \(queue) AND paused_at IS NOT NULL)
                AND NOT \(LastChance.has)
            ORDER BY priority, run_at, id LIMIT \(count)\(database.dialect.forUpdateSkipLocked)
        )
        \(claimingPicked)
        """
    }

    private var claimingPicked: SQL {
        """
        UPDATE jobs SET state = 'running', attempt = attempt + 1, claims = claims + 1, claimed_by = \(instance), claimed_at = \(time.now)
        WHERE id IN (SELECT id FROM picked) RETURNING \(JobRow.columns)
        """
    }

    /// Claims a job that has only one more chance.
    func claimLastChance(_ kinds: [JobKind]) async throws -> JobRow? {
        try await database.first(
            JobRow.self,
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM jobs WHERE \(LastChance.isReady) AND \(known(kinds))
                    AND NOT EXISTS (SELECT 1 FROM queues WHERE name = jobs.queue AND paused_at IS NOT NULL)
                ORDER BY priority, run_at, id LIMIT 1\(database.dialect.forUpdateSkipLocked)
            )
            \(claimingPicked)
            """)
    }

    /// Makes jobs ready again that the database believes to run here, but do not: the answer to their claim was lost with
    /// its connection, or their end could not be stored.
    /// - Parameters:
    ///   - condition: which jobs. None of them may be claimed meanwhile.
    ///   - running: those that run.
    /// - Returns: the number of jobs.
    func releaseForgotten(_ condition: SQL, running: [Int64]) async throws -> Int {
        try await database.execute(
            """
            UPDATE jobs SET state = 'ready', claimed_by = NULL
            WHERE state = 'running' AND claimed_by = \(instance) AND \(condition) AND id NOT IN \(list: running)
            """)
    }

    // MARK: Finishing

    /// Ends a job in one transaction with its effects.
    /// - Parameter isCoalesced: whether the job runs again if it was asked for meanwhile.
    /// - Throws: ``MessagingError/leaseLost``; the errors of `body`; ``DatabaseError``.
    func finish<Value: Sendable>(
        _ job: JobRow, isCoalesced: Bool = false, _ body: @Sendable (any Connection) async throws -> Value
    ) async throws -> Value {
        try await database.transaction { connection in
            // First, so that the row is locked while the effects happen.
            guard try await complete(job, isCoalesced, on: connection) else { throw MessagingError.leaseLost }
            let value = try await body(connection)
            try await releaseNext(after: job, on: connection)
            return value
        }
    }

    /// Ends jobs without effects, all in one transaction.
    /// - Returns: the ids of those that were still this instance's.
    func finish(_ jobs: [JobRow]) async throws -> Set<Int64> {
        guard let last = jobs.last else { return [] }
        // Few different sizes are few different statements to prepare. Naming a job twice changes nothing.
        let size = [1, 4, 16, 64].first { $0 >= jobs.count } ?? jobs.count
        let padded = jobs + repeatElement(last, count: size - jobs.count)
        let pairs = padded.map { "(\($0.id), \($0.claims))" as SQL }.joined(separator: ", ")
        // SQLite finds the rows by the list only.
        let own: SQL =
            """
            id IN \(list: padded.map(\.id)) AND (id, claims) IN (VALUES \(pairs))
            AND claimed_by = \(instance) AND again IS NULL
            """
        switch database.dialect {
        case .postgres: return Set(try await Self.end(own, as: .completed, at: time.now, on: database))
        case .sqlite:
            return try await database.transaction {
                Set(try await Self.end(own, as: .completed, at: time.now, on: $0))
            }
        }
    }

    private func complete(_ job: JobRow, _ isCoalesced: Bool, on connection: any Connection) async throws -> Bool {
        guard isCoalesced else { return try await finish(job, as: .completed, on: connection) }
        // Asked for again between the two statements, it is found the second time.
        for _ in 1...2 {
            if try await runAgain(job, on: connection) { return true }
            let ended = try await Self.end(
                "\(own(job)) AND again IS NULL", as: .completed, at: time.now, on: connection)
            if !ended.isEmpty { return true }
        }
        return false
    }

    /// Ends a job that was asked for again while it ran: it is ready once more.
    /// - Returns: whether it was asked for again.
    func runAgain(_ job: JobRow, on connection: some Queryable) async throws -> Bool {
        try await connection.execute(
            """
            UPDATE jobs SET state = 'ready', data = again, version = again_version, again = NULL,
                again_version = NULL, attempt = 0, crashes = 0, cursor = NULL, done = NULL, total = NULL, errors = NULL,
                claimed_by = NULL, cancel_requested = FALSE, run_at = \(time.now)
            WHERE \(own(job)) AND again IS NOT NULL
            """) == 1
    }

    /// - Returns: whether the job was still this instance's.
    func finish(_ job: JobRow, as outcome: JobOutcome, on connection: any Connection) async throws -> Bool {
        try await !Self.end(own(job), as: outcome, at: time.now, on: connection).isEmpty
    }

    /// Moves the jobs that a condition finds to the finished ones: on PostgreSQL in one statement, on SQLite in two, which
    /// need a transaction.
    /// - Returns: their ids.
    static func end(
        _ condition: SQL, as outcome: JobOutcome, at now: SQL, on connection: some Queryable
    ) async throws -> [Int64] {
        let done: SQL =
            """
            INSERT INTO jobs_done (id, kind, queue, outcome, subject, attempt, started_at, finished_at)
            SELECT id, kind, queue, \(outcome.rawValue), subject, attempt, claimed_at, \(now)
            """
        switch connection.dialect {
        case .postgres:
            return try await connection.values(
                Int64.self,
                "WITH gone AS (DELETE FROM jobs WHERE \(condition) RETURNING *) \(done) FROM gone RETURNING id")
        case .sqlite:
            let ids = try await connection.values(Int64.self, "\(done) FROM jobs WHERE \(condition) RETURNING id")
            if !ids.isEmpty { try await connection.execute("DELETE FROM jobs WHERE \(condition)") }
            return ids
        }
    }

    /// Lets the next job of the lane run. Locks the lane's row, as receiving does.
    func releaseNext(after job: JobRow, on connection: any Connection) async throws {
        guard let lane = job.lane else { return }
        try await Self.releaseNext(of: lane, at: time.now, on: connection)
    }

    static func releaseNext(of lane: String, at now: SQL, on connection: any Connection) async throws {
        _ = try await connection.query("SELECT 1 FROM lanes WHERE lane = \(lane)\(connection.dialect.forUpdate)")
        // A statement of its own, after the lock: on PostgreSQL it sees what was received meanwhile.
        try await connection.execute(
            """
            UPDATE jobs SET state = 'ready', run_at = \(now) WHERE id = (
                SELECT id FROM jobs WHERE lane = \(lane) AND state = 'blocked' ORDER BY place LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM jobs AS head WHERE head.lane = \(lane) AND head.state <> 'blocked')
            """)
    }

    // MARK: Failing

    /// Records a failed attempt: the job runs again after a wait, or is dead.
    /// - Parameter wait: nil makes it dead.
    /// - Returns: whether the job was still this instance's.
    func fail(_ job: JobRow, _ failures: JobFailures, retryAfter wait: Duration?) async throws -> Bool {
        let state: SQL = wait == nil ? "'dead'" : "'scheduled'"
        return try await database.execute(
            """
            UPDATE jobs SET state = \(state), run_at = \(time.after(wait ?? .zero)), errors = \(failures.text),
                claimed_by = NULL
            WHERE \(own(job))
            """) == 1
    }

    /// Gives a job back without counting the attempt.
    func release(_ job: JobRow, runAfter wait: Duration = .zero) async throws {
        let state: SQL = wait > .zero ? "'scheduled'" : "'ready'"
        try await database.execute(
            """
            UPDATE jobs SET state = \(state), run_at = \(time.after(wait)), attempt = attempt - 1, claimed_by = NULL
            WHERE \(own(job))
            """)
    }

    // MARK: While it runs

    /// - Throws: ``MessagingError/leaseLost``; ``DatabaseError``.
    func save(cursor: String, of job: JobRow, on connection: any Connection) async throws {
        let isOwn =
            try await connection.execute("UPDATE jobs SET cursor = \(cursor), crashes = 0 WHERE \(own(job))") == 1
        guard isOwn else { throw MessagingError.leaseLost }
    }

    func store(_ progress: JobRun.Progress, of job: JobRow) async throws {
        try await database.execute(
            "UPDATE jobs SET done = \(progress.done), total = \(progress.total) WHERE \(own(job))")
    }

    /// The running jobs of this instance that somebody has asked to end.
    func cancelled() async throws -> [Int64] {
        try await database.values(
            Int64.self,
            "SELECT id FROM jobs WHERE state = 'running' AND claimed_by = \(instance) AND cancel_requested = \(true)")
    }

    private func own(_ job: JobRow) -> SQL {
        "id = \(job.id) AND state = 'running' AND claimed_by = \(instance) AND claims = \(job.claims)"
    }
}

/// How a job ended.
enum JobOutcome: String, Sendable {
    case completed, cancelled, discarded
}
