import MartletData

/// The tables that all services of a platform share.
enum BusMigrations {
    static let all = [
        Migration(1, "create the bus") { dialect in
            [
                // A database that was replaced has another epoch.
                "CREATE TABLE bus (epoch TEXT NOT NULL)",
                "INSERT INTO bus (epoch) VALUES (CAST(gen_random_uuid() AS TEXT))",
                "CREATE TABLE subscriptions (source TEXT, subscriber TEXT, PRIMARY KEY (source, subscriber))",
                // One index, because rows come and go. The table is nearly always empty, so it is vacuumed by the
                // number of deleted rows instead of their share.
                """
                CREATE TABLE messages (
                    subscriber TEXT NOT NULL, source TEXT NOT NULL, id BIGINT GENERATED ALWAYS AS IDENTITY,
                    event_id TEXT NOT NULL, type TEXT NOT NULL, version BIGINT NOT NULL, subject TEXT NOT NULL,
                    sequence BIGINT, time \(dialect.timestamp) NOT NULL CHECK (isfinite(time)), data TEXT NOT NULL,
                    trace TEXT, request_id TEXT,
                    PRIMARY KEY (subscriber, source, id)
                ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
                """,
                """
                CREATE TABLE requests (
                    source TEXT NOT NULL, subject TEXT NOT NULL, first_missing BIGINT NOT NULL,
                    PRIMARY KEY (source, subject)
                )
                """,
            ]
        }
    ]
}
