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

/// Runs migrations and records them in the table `schema_migrations`.
struct Migrator {
    private let driver: any Driver

    init(_ driver: any Driver) { self.driver = driver }

    func run(_ migrations: [Migration]) async throws {
        for (index, migration) in migrations.enumerated() {
            guard migration.version > (index == 0 ? 0 : migrations[index - 1].version) else {
                throw failure("versions must increase from 1; version \(migration.version) does not")
            }
        }
        try await driver.transaction(.migration) { connection in
            let type = connection.dialect.timestamp
            try await connection.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations \
                (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at \(type) NOT NULL)
                """)
        }
        let latest = migrations.last?.version ?? 0
        for migration in migrations {
            try await driver.transaction(.migration) { connection in
                // Read again under the lock: another process may have run the migration meanwhile.
                let current = try await connection.value(Int.self, "SELECT max(version) FROM schema_migrations") ?? 0
                guard current <= latest else {
                    throw failure("the database is at version \(current), but this program supports only \(latest)")
                }
                let isDone = try await connection.exists(
                    "SELECT 1 FROM schema_migrations WHERE version = \(migration.version)")
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
                try await connection.execute(
                    """
                    INSERT INTO schema_migrations (version, name, applied_at) \
                    VALUES (\(migration.version), \(migration.name), \(WallClock.system.now))
                    """)
            }
        }
        if migrations.isEmpty { try await refuseNewer() }
    }

    private func refuseNewer() async throws {
        let current = try await driver.value(Int.self, "SELECT max(version) FROM schema_migrations") ?? 0
        guard current == 0 else {
            throw failure("the database is at version \(current), but this program has no migrations")
        }
    }
}

private func failure(_ message: String) -> DatabaseError { .other(code: "migration", message: message) }
