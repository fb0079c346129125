import Logging

/// One schema of a PostgreSQL database.
final class PostgresDatabase: Driver {
    let dialect = Dialect.postgres
    private let schema: String
    private let parameters: PostgresParameters
    private let pool: PostgresPool
    /// Permits to use a connection for a statement that may read a whole table.
    private let scans: ConnectionPool<ScanPermit>
    private let patience: Duration
    private let logger: Logger

    private struct ScanPermit: Sendable {}

    init(url: String, schema: String, options: Database.Options, logger: Logger) throws {
        self.schema = schema
        parameters = try PostgresParameters(url: url, schema: schema, options: options)
        self.logger = logger
        pool = PostgresPool(parameters, options: options, logger: logger)
        patience = options.leaseTimeout
        scans = ConnectionPool(
            limit: max(1, options.poolSize / 2), patience: options.leaseTimeout, queue: Self.scanQueue
        ) { ScanPermit() }
    }

    /// The maximum number of statements that wait for such a permit.
    private static let scanQueue = 64

    func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows { Rows(table: try await run(sql, kind)) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql, .lookUp).changes }

    private func run(_ sql: SQL, _ kind: StatementKind) async throws -> PostgresResult {
        try Task.checkCancellation()
        let send = kind == .lookUp ? self.send : scan
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
        let exchange = try PostgresExchange(sql, patience: patience)
        pool.submit(exchange)
        return try await exchange.value()
    }

    /// Runs a statement that may take long on its own connection, so that no other statement waits behind it.
    private func scan(_ sql: SQL) async throws -> PostgresResult {
        let deadline = ContinuousClock.now + patience
        let permit = try await scans.acquire()
        let answer = Promise<PostgresResult>()
        do {
            let lent = try await pool.lease(patience: deadline - .now)
            let connection = lent.connection
            // The response returns the permit, even if the caller has stopped waiting.
            let exchange = try PostgresExchange(sql) { [pool, scans] result in
                pool.release(connection)
                _ = scans.release(permit)
                answer.fulfil(result)
            }
            guard case .sent = connection.send(exchange, lease: lent.lease) else {
                pool.release(connection)
                throw PostgresFailure(
                    error: .unavailable("the connection was lost before the statement"), remedy: .reconnect)
            }
        } catch {
            _ = scans.release(permit)
            throw error
        }
        return try await answer.value()
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
            lease.commitActions.run()
            return value
        } catch {
            lease.rollback()
            throw error
        }
    }

    /// Waits without a limit for migrations of other processes, then creates the schema.
    private func prepareMigration(_ connection: PostgresLease) async throws {
        _ = try await connection.execute("SET LOCAL statement_timeout = 0")
        _ = try await connection.execute("SET LOCAL lock_timeout = 0")
        let name = "martlet schema_migrations \(schema)"
        _ = try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(\(name), 0))")
        // Check first: CREATE SCHEMA IF NOT EXISTS requires a privilege that the service may lack.
        let isThere = try await connection.exists("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = \(schema)")
        if !isThere { _ = try await connection.execute("CREATE SCHEMA \(identifier: schema)") }
    }

    func listen(to channel: String, onNotification: @escaping @Sendable () -> Void) async {
        await PostgresListener(parameters, logger: logger).run(channel, onNotification: onNotification)
    }

    func endStatements(within time: Duration) { pool.endStatements(within: time) }

    func close() async {
        _ = scans.close()
        await pool.close()
    }
}

extension SQL {
    /// Whether the statement can safely be run twice.
    var mayBeRepeated: Bool {
        let word = text.lazy.drop { $0 <= 0x20 || $0 == UInt8(ascii: "(") }.prefix(7).map { $0 & 0xDF }
        return ["SELECT", "VALUES"].contains { word.starts(with: $0.utf8) }
    }
}
