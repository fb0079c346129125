import MartletCore

/// One step in the history of a schema. Never change a released migration: correct it with a new one.
public struct Migration: Sendable {
    public let version: Int
    public let name: String
    let statements: @Sendable (Dialect) -> [SQL]

    /// - Parameters:
    ///   - version: greater than 0 and than the version of the previous migration.
    ///   - name: what the migration does, for logs and for the `schema_migrations` table.
    ///   - statements: run in one transaction.
    public init(_ version: Int, _ name: String, _ statements: @Sendable @escaping (Dialect) -> [SQL]) {
        self.version = version
        self.name = name
        self.statements = statements
    }
}

/// Runs migrations and records them in the table `schema_migrations`, each track with versions of its own.
struct Migrator {
    /// The track of a service's own migrations. The kit keeps tables of its own in a service's database on others.
    static let serviceTrack = "service"

    private let driver: any Driver
    private let track: String

    init(_ driver: any Driver, track: String) {
        self.driver = driver
        self.track = track
    }

    func run(_ migrations: [Migration]) async throws {
        for (index, migration) in migrations.enumerated() {
            guard migration.version > (index == 0 ? 0 : migrations[index - 1].version) else {
                throw failure("versions must increase from 1; version \(migration.version) does not")
            }
        }
        try await driver.transaction(.migration) { try await createTable(on: $0) }
        let latest = migrations.last?.version ?? 0
        for migration in migrations {
            try await driver.transaction(.migration) { connection in
                // Read again under the lock: another process may have run the migration meanwhile.
                let current = try await version(on: connection)
                guard current <= latest else {
                    throw failure("the database is at version \(current), but this program supports only \(latest)")
                }
                let isDone = try await connection.exists(
                    "SELECT 1 FROM schema_migrations WHERE track = \(track) AND version = \(migration.version)")
                guard !isDone else { return }
                guard migration.version > current else {
                    throw failure("version \(migration.version) was never run, but the database is at \(current)")
                }
                do {
                    for statement in migration.statements(connection.dialect) {
                        try await connection.execute(statement)
                    }
                } catch let error as DatabaseError {
                    if case .unavailable = error { throw error }
                    throw failure("version \(migration.version) (\(migration.name)): \(error)")
                }
                let row: ColumnValues = [
                    "track": track, "version": migration.version, "name": migration.name,
                    "applied_at": WallClock.system.now,
                ]
                try await connection.execute("INSERT INTO schema_migrations \(values: row)")
            }
        }
        if migrations.isEmpty { try await refuseNewer() }
    }

    private func createTable(on connection: any Connection) async throws {
        let dialect = connection.dialect
        let create: SQL =
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                track TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, applied_at \(dialect.timestamp) NOT NULL,
                PRIMARY KEY (track, version)
            )
            """
        try await connection.execute(create)
        guard try await !connection.exists(dialect.column("track", of: "schema_migrations")) else { return }
        // The table of version 0.1, which had one track only.
        try await connection.execute("ALTER TABLE schema_migrations RENAME TO schema_migrations_before_tracks")
        try await connection.execute(create)
        try await connection.execute(
            """
            INSERT INTO schema_migrations (track, version, name, applied_at)
            SELECT \(Self.serviceTrack), version, name, applied_at FROM schema_migrations_before_tracks
            """)
        try await connection.execute("DROP TABLE schema_migrations_before_tracks")
    }

    private func version(on connection: some Queryable) async throws -> Int {
        try await connection.value(Int.self, "SELECT max(version) FROM schema_migrations WHERE track = \(track)") ?? 0
    }

    private func refuseNewer() async throws {
        let current = try await version(on: driver)
        guard current == 0 else {
            throw failure("the database is at version \(current), but this program has no migrations")
        }
    }
}

private func failure(_ message: String) -> DatabaseError { .other(code: "migration", message: message) }

extension Dialect {
    /// Selects a row if the table has the column.
    fileprivate func column(_ name: String, of table: String) -> SQL {
        switch self {
        case .sqlite: "SELECT 1 FROM pragma_table_info(\(table)) WHERE name = \(name)"
        case .postgres:
            """
            SELECT 1 FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = \(table) AND column_name = \(name)
            """
        }
    }
}
