import Logging

/// One schema of a PostgreSQL database.
final class PostgresDatabase: Driver {
    let dialect = Dialect.postgres
    private let schema: String
    private let pool: PostgresPool

    init(url: String, schema: String, options: Database.Options, logger: Logger) throws {
        self.schema = schema
        let parameters = try PostgresParameters(url: url, schema: schema, options: options)
        pool = PostgresPool(parameters, options: options, logger: logger)
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try await run(sql)) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }

    private func run(_ sql: SQL) async throws -> PostgresResult {
        try Task.checkCancellation()
        do {
            return try await send(sql)
        } catch let failure as PostgresFailure {
            guard failure.remedy == .prepareAgain || (failure.remedy == .reconnect && sql.mayBeRepeated) else {
                throw failure.error
            }
        }
        do {
            return try await send(sql)
        } catch let failure as PostgresFailure {
            throw failure.error
        }
    }

    private func send(_ sql: SQL) async throws -> PostgresResult {
        let exchange = try PostgresExchange(sql)
        pool.submit(exchange)
        return try await exchange.value()
    }

    func transaction<T: Sendable>(
        _ kind: TransactionKind, _ body: @Sendable (any Connection) async throws -> T
    ) async throws -> T {
        let lease: PostgresLease
        do {
            let lent = try await pool.lease(silence: kind == .migration ? .seconds(3600) : nil)
            lease = PostgresLease(lent, of: pool, kind: kind)
        } catch let failure as PostgresFailure {
            throw failure.error
        }
        do {
            if kind == .migration { try await prepareMigration(lease) }
            let value = try await body(lease)
            try Task.checkCancellation()
            try await lease.commit()
            return value
        } catch {
            lease.rollback()
            throw error
        }
    }

    /// Waits for other processes' migrations, for as long as it takes, and creates the schema.
    private func prepareMigration(_ connection: PostgresLease) async throws {
        _ = try await connection.execute("SET LOCAL statement_timeout = 0")
        let name = "martlet schema_migrations \(schema)"
        _ = try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(\(name), 0))")
        // Asked first: CREATE SCHEMA IF NOT EXISTS wants a privilege that the service may not have.
        let isThere = try await connection.exists("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(schema)")
        if !isThere { _ = try await connection.execute("CREATE SCHEMA \(identifier: schema)") }
    }

    func close() async { await pool.close() }
}

extension SQL {
    /// Whether running it twice is as good as once.
    fileprivate var mayBeRepeated: Bool {
        let word = text.lazy.drop { $0 <= 0x20 || $0 == UInt8(ascii: "(") }.prefix(7).map { $0 & 0xDF }
        return ["SELECT", "VALUES"].contains { word.starts(with: $0.utf8) }
    }
}
