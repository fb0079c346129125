import MartletCore

/// One step of a schema's history. A released migration is never changed: a correction is a new one.
public struct Migration: Sendable {
    public let version: Int
    public let name: String
    let statements: @Sendable (Dialect) -> [SQL]

    /// - Parameters:
    ///   - version: greater than that of the migration before, and than 0.
    ///   - name: what it does, for logs and for the record of it.
    ///   - statements: run in one transaction.
    public init(_ version: Int, _ name: String, _ statements: @Sendable @escaping (Dialect) -> [SQL]) {
        self.version = version
        self.name = name
        self.statements = statements
    }
}

/// Runs migrations and keeps the table that says which have been run.
struct Migrator {
    private let driver: any Driver

    init(_ driver: any Driver) { self.driver = driver }

    func run(_ migrations: [Migration]) async throws {
        for (index, migration) in migrations.enumerated() {
            guard migration.version > (index == 0 ? 0 : migrations[index - 1].version) else {
                throw failure("the versions must increase from 1, and \(migration.version) does not")
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
                // Read again under the lock each time: another process may have run it just now.
                let current = try await connection.value(Int.self, "SELECT max(version) FROM schema_migrations") ?? 0
                guard current <= latest else {
                    throw failure("the database is at version \(current), and this program knows only up to \(latest)")
                }
                let isDone = try await connection.exists(
                    "SELECT 1 FROM schema_migrations WHERE version = \(migration.version)")
                guard !isDone else { return }
                guard migration.version > current else {
                    throw failure("version \(migration.version) was never run, and the database is at \(current)")
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
            throw failure("the database is at version \(current), and this program has no migrations")
        }
    }
}

private func failure(_ message: String) -> DatabaseError { .other(code: "migration", message: message) }
