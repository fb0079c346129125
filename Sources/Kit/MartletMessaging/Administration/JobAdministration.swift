public import MartletCore
public import MartletData

/// What operators do with the jobs of a service. Every method is one transaction.
public struct JobAdministration: Sendable {
    private let database: Database
    private let time: DatabaseTime
    private let signals: MessagingSignals?

    /// - Parameter messages: those of the running service, which then learns of changes at once; nil in another process.
    public init(_ database: Database, _ messages: Messages? = nil) {
        self.database = database
        time = messages?.time ?? DatabaseTime(database.dialect)
        signals = messages?.signals
    }

    public func jobs(_ query: ListQuery<JobRecord>) async throws -> RowPage<JobRecord> {
        try await database.page(query)
    }

    public func finished(_ query: ListQuery<FinishedJob>) async throws -> RowPage<FinishedJob> {
        try await database.page(query)
    }

    public func events(_ query: ListQuery<EventRecord>) async throws -> RowPage<EventRecord> {
        try await database.page(query)
    }

    /// The latest events, oldest first.
    public func latestEvents(_ count: Int) async throws -> [EventRecord] {
        try await database.all(
            EventRecord.self, "SELECT \(EventRecord.columns) FROM outbox ORDER BY id DESC LIMIT \(count)"
        ).reversed()
    }

    /// - Throws: ``Problem`` 404.
    public func job(_ id: ID<JobRecord>) async throws -> JobDetail {
        struct Details: Decodable {
            let data: JSONValue
            let errors: [JobFailure]?
        }
        let rows = try await database.query("SELECT \(JobRecord.columns), data, errors FROM jobs WHERE id = \(id)")
        guard let row = rows.first else { throw Problem.notFound(JobRecord.noun) }
        let details = try row.decode(Details.self)
        return JobDetail(job: try row.decode(JobRecord.self), data: details.data, errors: details.errors ?? [])
    }

    /// Runs a dead job again, or a scheduled one at once.
    /// - Throws: ``Problem`` 404; 409 for other states, or when another job of its key is unfinished.
    @discardableResult
    public func retry(_ id: ID<JobRecord>) async throws -> JobRecord {
        do {
            let job = try await change(id) { job, connection in
                guard ["dead", "scheduled"].contains(job.state) else { throw Self.conflict(job, "retried") }
                return try await connection.one(
                    JobRecord.self,
                    """
                    UPDATE jobs SET state = 'ready', run_at = \(time.now), attempt = 0, crashes = 0,
                        cancel_requested = FALSE
                    WHERE id = \(id)
                    RETURNING \(JobRecord.columns)
                    """)
            }
            signals?.jobsAreReady(in: [job.queue])
            return job
        } catch DatabaseError.unique {
            throw Problem.conflict("Another job of the same key is unfinished.", code: "duplicate_job")
        }
    }

    /// Ends a job that does not run, without running it. The later events of its subject go on.
    /// - Throws: ``Problem`` 404; 409 for a running job.
    public func discard(_ id: ID<JobRecord>) async throws { try await end(id, as: .discarded) }

    /// Ends a job: at once unless it runs; then its task is cancelled.
    /// - Throws: ``Problem`` 404; 409 for a dead job.
    public func cancel(_ id: ID<JobRecord>) async throws {
        let isRunning = try await change(id) { job, connection in
            guard job.state == "running" else { return false }
            try await connection.execute("UPDATE jobs SET cancel_requested = \(true) WHERE id = \(id)")
            return true
        }
        guard isRunning else { return try await end(id, as: .cancelled) }
        signals?.jobsWereScheduled()
    }

    private func end(_ id: ID<JobRecord>, as outcome: JobOutcome) async throws {
        let queue = try await change(id, lockingLane: true) { job, connection in
            let isRefused = job.state == "running" || (outcome == .cancelled && job.state == "dead")
            guard !isRefused else { throw Self.conflict(job, outcome.rawValue) }
            let lane = try await connection.value(String.self, "SELECT lane FROM jobs WHERE id = \(id)")
            _ = try await JobStore.end("id = \(id)", as: outcome, at: time.now, on: connection)
            if let lane {
                try await JobStore.releaseNext(of: lane, at: time.now, on: connection)
            }
            return job.queue
        }
        signals?.jobsAreReady(in: [queue])
    }

    private func change<Value: Sendable>(
        _ id: ID<JobRecord>, lockingLane: Bool = false,
        _ body: @Sendable (JobRecord, any Connection) async throws -> Value
    ) async throws -> Value {
        try await database.transaction { connection in
            if lockingLane {
                // Before the job, so that nobody lets it run meanwhile.
                _ = try await connection.query(
                    """
                    SELECT 1 FROM lanes WHERE lane = (SELECT lane FROM jobs WHERE id = \(id) AND state <> 'running')\
                    \(connection.dialect.forUpdate)
                    """)
            }
            let job = try await connection.first(
                JobRecord.self,
                "SELECT \(JobRecord.columns) FROM jobs WHERE id = \(id)\(connection.dialect.forUpdate)"
            ).orNotFound()
            return try await body(job, connection)
        }
    }

    private static func conflict(_ job: JobRecord, _ action: String) -> Problem {
        .conflict("A job that is \(job.state) cannot be \(action).", code: "job_state")
    }

    // MARK: Queues

    /// The queues that have unfinished jobs or are paused, by name.
    public func queues() async throws -> [QueueRecord] {
        struct Count: Decodable {
            let queue: String
            let state: String
            let count: Int
        }
        return try await database.read { connection in
            let counts = try await connection.all(
                Count.self, "SELECT queue, state, count(*) AS count FROM jobs GROUP BY queue, state")
            let paused = Set(
                try await connection.values(String.self, "SELECT name FROM queues WHERE paused_at IS NOT NULL"))
            let byQueue = Dictionary(grouping: counts, by: \.queue)
            return paused.union(byQueue.keys).sorted().map { name in
                let counts = Dictionary((byQueue[name] ?? []).map { ($0.state, $0.count) }) { first, _ in first }
                return QueueRecord(
                    name: name, isPaused: paused.contains(name), ready: counts["ready"] ?? 0,
                    scheduled: counts["scheduled"] ?? 0, blocked: counts["blocked"] ?? 0,
                    running: counts["running"] ?? 0, dead: counts["dead"] ?? 0)
            }
        }
    }

    /// Starts no more jobs of a queue. Running ones go on.
    /// - Throws: ``Problem`` 404 for a queue that the service does not have.
    public func pause(_ queue: String) async throws {
        try await requireQueue(queue)
        try await database.execute(
            """
            INSERT INTO queues (name, paused_at) VALUES (\(queue), \(time.now))
            ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(queues.paused_at, excluded.paused_at)
            """)
    }

    /// - Throws: ``Problem`` 404 for a queue that the service does not have.
    public func resume(_ queue: String) async throws {
        try await requireQueue(queue)
        try await database.execute("UPDATE queues SET paused_at = NULL WHERE name = \(queue)")
        signals?.jobsAreReady(in: [queue])
    }

    /// Another process does not know which queues the service declares, and takes any.
    private func requireQueue(_ queue: String) async throws {
        guard let signals, !signals.hasQueue(queue) else { return }
        guard try await queues().contains(where: { $0.name == queue }) else { throw Problem.notFound("Queue") }
    }
}
