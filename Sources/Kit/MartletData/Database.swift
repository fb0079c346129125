public import Logging

/// Runs statements: a ``Database`` runs each on its own, a ``Connection`` runs them within a transaction.
public protocol Queryable: Sendable {
    var dialect: Dialect { get }

    /// Runs a statement and returns all its rows.
    /// - Throws: ``DatabaseError``; `CancellationError` when the task is cancelled, in which case it is unknown whether
    ///   the statement was executed.
    func query(_ sql: SQL) async throws -> Rows

    /// Runs a statement.
    /// - Returns: the number of rows inserted, updated or deleted.
    /// - Throws: the errors of ``query(_:)``.
    @discardableResult
    func execute(_ sql: SQL) async throws -> Int
}

/// How much of the database a statement may read.
public enum StatementKind: Sendable {
    /// Finds rows by an index, as most statements do.
    case lookUp
    /// Usually finds rows by an index, but may sort a whole table, depending on the order and filters that a client
    /// chooses. SQLite runs it as a look-up and restarts it as a scan if it is slow. PostgreSQL runs it as a ``scan``,
    /// because restarting it would delay the statements behind it.
    case list
    /// May read every row of a table. At most half of the connections run scans at a time, so that look-ups do not wait
    /// for them. Further scans wait for ``Database/Options/leaseTimeout``, then fail with
    /// ``DatabaseError/timeout(_:)``.
    case scan
}

/// The connection of a ``Database/transaction(_:)`` or ``Database/read(_:)``. It is invalid after their body returns.
///
/// On both databases a failed statement aborts the transaction: further statements fail, and nothing is committed. If
/// you expect a conflict, use `ON CONFLICT` or catch the error outside the transaction.
public protocol Connection: Queryable {
    /// Runs an action when the transaction has been committed, before ``Database/transaction(_:)`` returns. It does not run
    /// after a rollback, nor when the connection is lost during the commit: use it for hints, not for effects.
    func afterCommit(_ action: @escaping @Sendable () -> Void)
}

/// A service's database: a SQLite file or a schema of a PostgreSQL server.
///
/// Connections are opened on demand and kept open. While a PostgreSQL server is unreachable, statements fail with
/// ``DatabaseError/unavailable(_:)``; each new statement tries to reconnect.
public struct Database: Queryable {
    /// Limits and timeouts. The defaults suit services.
    public struct Options: Sendable {
        /// PostgreSQL: the maximum number of connections. Default: 8.
        public var poolSize = 8
        /// SQLite: the maximum number of reading connections, each with its own thread. One more connection writes.
        /// Default: 4.
        public var readers = 4
        /// PostgreSQL: the longest time to establish a connection. Default: 2 seconds.
        public var connectTimeout: Duration = .seconds(2)
        /// The longest run time of a statement. On PostgreSQL the server stops it; if the server does not respond
        /// within another second, the connection is considered lost. Default: 10 seconds.
        public var statementTimeout: Duration = .seconds(10)
        /// The longest time to wait for a free connection and, on PostgreSQL, behind another statement or for a lock.
        /// Default: 5 seconds.
        public var leaseTimeout: Duration = .seconds(5)
        /// PostgreSQL: the longest time between two statements of a transaction. Then the server ends it and its connection,
        /// so that a process that is suspended does not keep its locks. Default: 30 seconds.
        public var idleTransactionTimeout: Duration = .seconds(30)
        /// SQLite: the longest time to wait for a lock held by another process. Default: 5 seconds.
        public var busyTimeout: Duration = .seconds(5)

        public init() {}
    }

    private let driver: any Driver

    /// Does not connect yet: the database may be unavailable when a service starts.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `configuration` for an invalid location.
    public init(_ location: Location, options: Options = .init(), logger: Logger) throws {
        switch location {
        case .sqlite(let path): driver = SQLiteDatabase(path: path, options: options, logger: logger)
        case .sqliteInMemory: driver = SQLiteDatabase(path: nil, options: options, logger: logger)
        case .postgres(let url, let schema):
            driver = try PostgresDatabase(url: url, schema: schema, options: options, logger: logger)
        }
    }

    public var dialect: Dialect { driver.dialect }

    /// Runs one statement in its own transaction.
    public func query(_ sql: SQL) async throws -> Rows { try await driver.query(sql) }

    /// Runs one reading statement in its own transaction.
    /// - Parameter kind: how much of the database the statement may read.
    public func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows { try await driver.query(sql, kind) }

    /// Runs one statement in its own transaction.
    @discardableResult
    public func execute(_ sql: SQL) async throws -> Int { try await driver.execute(sql) }

    /// Runs several reading statements on one snapshot of the database. Writing statements fail.
    /// - Throws: the errors of `body`; ``DatabaseError``; `CancellationError`.
    public func read<T: Sendable>(_ body: @Sendable (any Connection) async throws -> T) async throws -> T {
        try await driver.transaction(.read, body)
    }

    /// Runs statements in a transaction, which is committed when `body` returns and rolled back when `body` throws or
    /// its task is cancelled.
    ///
    /// The transaction is not retried after a deadlock or a lost connection, because `body` may do more than SQL. If
    /// the connection is lost during the commit, the error is ``DatabaseError/unavailable(_:)``, and it is unknown
    /// whether the transaction was committed.
    /// - Throws: the errors of `body`; ``DatabaseError``; `CancellationError`.
    public func transaction<T: Sendable>(_ body: @Sendable (any Connection) async throws -> T) async throws -> T {
        try await driver.transaction(.write, body)
    }

    /// Brings the schema up to date: runs the pending migrations, each in a transaction that also records it. Several
    /// processes may do this at the same time.
    /// - Parameter track: the sequence that the migrations belong to, which has versions of its own. Default: the
    ///   service's.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `migration` when versions do not increase, the database is
    ///   newer than the code, or a migration fails; ``DatabaseError/unavailable(_:)``.
    public func migrate(_ migrations: [Migration], track: String? = nil) async throws {
        try await Migrator(driver, track: track ?? Migrator.serviceTrack).run(migrations)
    }

    /// Listens for PostgreSQL notifications until the task is cancelled, on a connection outside the pool, which is opened
    /// again whenever it is lost. Notifications sent meanwhile are lost, so treat them as hints.
    /// - Parameters:
    ///   - channel: the name given to `pg_notify`.
    ///   - onNotification: called after each notification, or several at once, and whenever the connection is
    ///     (re)established.
    public func listen(to channel: String, onNotification: @escaping @Sendable () -> Void) async {
        await driver.listen(to: channel, onNotification: onNotification)
    }

    /// Checks that the database responds, for readiness checks.
    /// - Throws: ``DatabaseError`` when there is no response within two seconds.
    public func ping() async throws {
        let driver = driver
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await driver.query("SELECT 1") }
            group.addTask {
                try await Task.sleep(for: .seconds(2))
                throw DatabaseError.unavailable("no response within 2 seconds")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Prepares for shutdown: statements still running after this time fail with ``DatabaseError/timeout(_:)`` or
    /// ``DatabaseError/unavailable(_:)``, and later ones fail immediately.
    public func endStatements(within time: Duration) { driver.endStatements(within: time) }

    /// Closes all connections when running statements have ended, or after five seconds.
    public func close() async { await driver.close() }
}

enum TransactionKind: Sendable {
    case read, write
    /// Like `write`, but excludes migrations of other processes and has no time limit.
    case migration
}

/// The implementation of one kind of database.
protocol Driver: Queryable {
    func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows
    func transaction<T: Sendable>(
        _ kind: TransactionKind, _ body: @Sendable (any Connection) async throws -> T
    ) async throws -> T
    func listen(to channel: String, onNotification: @escaping @Sendable () -> Void) async
    func endStatements(within time: Duration)
    func close() async
}

extension Driver {
    func query(_ sql: SQL) async throws -> Rows { try await query(sql, .lookUp) }

    func listen(to channel: String, onNotification: @escaping @Sendable () -> Void) async {}
}
