import MartletData

/// The tables of messaging in a service's database, on a track of their own.
enum MessagingTables {
    static let track = "messaging"

    static let migrations = [
        Migration(1, "events, jobs and schedules") { dialect in
            events(dialect) + jobs(dialect) + [
                // The processes that run this service, by their heartbeats.
                "CREATE TABLE instances (id TEXT PRIMARY KEY, seen_at \(dialect.timestamp) NOT NULL)",
                // Work that one instance does for all: an instance holds the lease as long as it is alive.
                "CREATE TABLE leases (name TEXT PRIMARY KEY, instance TEXT NOT NULL)",
                "CREATE TABLE queues (name TEXT PRIMARY KEY, paused_at \(dialect.timestamp))",
                """
                CREATE TABLE rate_limits
                (kind TEXT PRIMARY KEY, tokens DOUBLE PRECISION NOT NULL, updated_at \(dialect.timestamp) NOT NULL)
                """,
                """
                CREATE TABLE schedule_slots
                (name TEXT NOT NULL, slot \(dialect.timestamp) NOT NULL, PRIMARY KEY (name, slot))
                """,
            ]
        }
    ]

    private static func events(_ dialect: Dialect) -> [SQL] {
        [
            // The last number given to an event of a subject. Its row lock orders the events of the subject.
            "CREATE TABLE subjects (subject TEXT PRIMARY KEY, number BIGINT NOT NULL)",
            """
            CREATE TABLE outbox (
                id \(dialect.identity), event_id TEXT NOT NULL, type TEXT NOT NULL, version BIGINT NOT NULL,
                subject TEXT NOT NULL, sequence BIGINT NOT NULL, time \(dialect.timestamp) NOT NULL, data TEXT NOT NULL,
                trace TEXT, request_id TEXT, published_at \(dialect.timestamp)
            )
            """,
            "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL",
            "CREATE INDEX outbox_published ON outbox (time) WHERE published_at IS NOT NULL",
            "CREATE INDEX outbox_subject ON outbox (subject, sequence)",
            // What the broker returned for the last events published to it.
            "CREATE TABLE broker_positions (source TEXT PRIMARY KEY, position TEXT)",
            // The last number received of a subject, and since when the next one is missing.
            """
            CREATE TABLE lanes (
                lane TEXT PRIMARY KEY, last BIGINT, last_time \(dialect.timestamp) NOT NULL,
                missing_since \(dialect.timestamp), received_at \(dialect.timestamp) NOT NULL
            )
            """,
            "CREATE INDEX lanes_missing ON lanes (missing_since) WHERE missing_since IS NOT NULL",
            // The events received that are not in a lane.
            """
            CREATE TABLE inbox (
                event_id TEXT NOT NULL, source TEXT NOT NULL, received_at \(dialect.timestamp) NOT NULL,
                PRIMARY KEY (source, event_id)
            )
            """,
            "CREATE INDEX inbox_received_at ON inbox (received_at)",
        ]
    }

    private static func jobs(_ dialect: Dialect) -> [SQL] {
        [
            """
            CREATE TABLE jobs (
                id \(dialect.identity), kind TEXT NOT NULL, version BIGINT NOT NULL, queue TEXT NOT NULL,
                priority BIGINT NOT NULL, state TEXT NOT NULL, run_at \(dialect.timestamp) NOT NULL, data TEXT NOT NULL,
                event_id TEXT, subject TEXT, time \(dialect.timestamp) NOT NULL, trace TEXT, request_id TEXT,
                lane TEXT, place BIGINT, unique_key TEXT, again TEXT, again_version BIGINT,
                attempt BIGINT NOT NULL DEFAULT 0, crashes BIGINT NOT NULL DEFAULT 0,
                claims BIGINT NOT NULL DEFAULT 0,
                claimed_by TEXT, claimed_at \(dialect.timestamp), cursor TEXT, done BIGINT, total BIGINT, errors TEXT,
                cancel_requested BOOLEAN NOT NULL DEFAULT FALSE
            )
            """,
            "CREATE INDEX jobs_ready ON jobs (queue, priority, run_at, id) WHERE state = 'ready'",
            "CREATE INDEX jobs_last_chance ON jobs (priority, run_at, id) WHERE \(LastChance.isReady)",
            "CREATE INDEX jobs_scheduled ON jobs (run_at) WHERE state = 'scheduled'",
            "CREATE INDEX jobs_running ON jobs (claimed_by) WHERE state = 'running'",
            "CREATE INDEX jobs_dead ON jobs (run_at) WHERE state = 'dead'",
            "CREATE INDEX jobs_lane ON jobs (lane, place) WHERE lane IS NOT NULL",
            """
            CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key)
            WHERE unique_key IS NOT NULL AND state <> 'dead'
            """,
            // Finished jobs leave the table above at once, so that it stays small.
            """
            CREATE TABLE jobs_done (
                id BIGINT PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, outcome TEXT NOT NULL, subject TEXT,
                attempt BIGINT NOT NULL, started_at \(dialect.timestamp), finished_at \(dialect.timestamp) NOT NULL
            )
            """,
            "CREATE INDEX jobs_done_finished_at ON jobs_done (finished_at)",
        ]
    }
}
