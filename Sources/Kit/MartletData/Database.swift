public import Logging

/// What statements can be run on: a ``Database``, each statement for itself, or a ``Connection`` within a transaction.
public protocol Queryable: Sendable {
    var dialect: Dialect { get }

    /// Runs a statement and gives all its rows.
    /// - Throws: ``DatabaseError``; `CancellationError` when the task was cancelled, and then it is not known whether
    ///   the statement was run.
    func query(_ sql: SQL) async throws -> Rows

    /// Runs a statement.
    /// - Returns: how many rows it inserted, updated or deleted.
    /// - Throws: as ``query(_:)``.
    @discardableResult
    func execute(_ sql: SQL) async throws -> Int
}

/// How much of the database a statement may look at.
public enum StatementKind: Sendable {
    /// Finds rows by an index, as nearly all statements do.
    case lookUp
    /// Mostly finds rows by an index, and may have to sort a table: what a client orders and filters a list by decides.
    /// SQLite runs it as a look-up, which it stops when it turns out to be slow. PostgreSQL cannot begin again without letting
    /// those behind it wait, and runs it as a ``scan``.
    case list
    /// May look at every row of a table. At most half of the connections run such statements at a time, so that look-ups
    /// do not wait for them; the others wait for ``Database/Options/leaseTimeout`` and then fail with
    /// ``DatabaseError/timeout(_:)``.
    case scan
}

/// One connection within ``Database/transaction(_:)`` or ``Database/read(_:)``. Of no use once their body has returned.
///
/// A statement that fails ends the transaction, on both databases: nothing else can be run, and nothing is committed.
/// Where a conflict is expected, say `ON CONFLICT`, or catch the error outside of the transaction.
public protocol Connection: Queryable {}

/// A service's database: a SQLite file or a schema of a PostgreSQL server.
///
/// Connections are opened when they are needed and kept. A lost PostgreSQL server makes statements fail with
/// ``DatabaseError/unavailable(_:)`` and is connected to again by the next statement.
public struct Database: Queryable {
    /// How the database is used. The defaults are for services.
    public struct Options: Sendable {
        /// PostgreSQL: how many connections to open at the most.
        public var poolSize = 8
        /// SQLite: how many connections to open for reading at the most, each with its thread. There is one for writing.
        public var readers = 4
        /// PostgreSQL: how long establishing a connection may take.
        public var connectTimeout: Duration = .seconds(2)
        /// How long one statement may run. On PostgreSQL the server stops it, and a server that does not answer within
        /// a second more is taken for lost.
        public var statementTimeout: Duration = .seconds(10)
        /// How long to wait for a connection when all are in use, and on PostgreSQL behind another statement or for a lock.
        public var leaseTimeout: Duration = .seconds(5)
        /// SQLite: how long to wait for a lock that another process holds.
        public var busyTimeout: Duration = .seconds(5)

        public init() {}
    }

    private let driver: any Driver

    /// Does not connect yet: the database may be away when a service starts.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `configuration` for a location that cannot be right.
    public init(_ location: Location, options: Options = .init(), logger: Logger) throws {
        switch location {
        case .sqlite(let path): driver = SQLiteDatabase(path: path, options: options, logger: logger)
        case .sqliteInMemory: driver = SQLiteDatabase(path: nil, options: options, logger: logger)
        case .postgres(let url, let schema):
            driver = try PostgresDatabase(url: url, schema: schema, options: options, logger: logger)
        }
    }

    public var dialect: Dialect { driver.dialect }

    /// Runs one statement, which is a transaction of its own.
    public func query(_ sql: SQL) async throws -> Rows { try await driver.query(sql) }

    /// Runs one reading statement, which is a transaction of its own.
    /// - Parameter kind: whether it may look at a whole table.
    public func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows { try await driver.query(sql, kind) }

    /// Runs one statement, which is a transaction of its own.
    @discardableResult
    public func execute(_ sql: SQL) async throws -> Int { try await driver.execute(sql) }

    /// Runs several reading statements that all see the same state of the database. Writing ones fail.
    /// - Throws: what `body` throws; ``DatabaseError``; `CancellationError`.
    public func read<T: Sendable>(_ body: @Sendable (any Connection) async throws -> T) async throws -> T {
        try await driver.transaction(.read, body)
    }

    /// Runs statements that are committed together when `body` returns, and rolled back together when it throws or its
    /// task has been cancelled.
    ///
    /// It is not repeated by itself after a deadlock or a lost server, since `body` may do more than SQL.
    /// When the server is lost during the commit the error is ``DatabaseError/unavailable(_:)``, and whether it was
    /// committed is not known.
    /// - Throws: what `body` throws; ``DatabaseError``; `CancellationError`.
    public func transaction<T: Sendable>(_ body: @Sendable (any Connection) async throws -> T) async throws -> T {
        try await driver.transaction(.write, body)
    }

    /// Brings the schema up to date: runs the migrations that have not been run, each in its own transaction together
    /// with the record of it. Several processes may do this at once.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `migration` when the versions are not increasing, when the
    ///   database is newer than the code, or when a migration fails; ``DatabaseError/unavailable(_:)``.
    public func migrate(_ migrations: [Migration]) async throws { try await Migrator(driver).run(migrations) }

    /// Asks the database for an answer, for readiness checks.
    /// - Throws: ``DatabaseError`` when there is none within two seconds.
    public func ping() async throws {
        let driver = driver
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await driver.query("SELECT 1") }
            group.addTask {
                try await Task.sleep(for: .seconds(2))
                throw DatabaseError.unavailable("no answer within 2 seconds")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Ends what is still running after this time, with ``DatabaseError/timeout(_:)`` or
    /// ``DatabaseError/unavailable(_:)``, and what begins later at once: the process wants to end.
    public func endStatements(within time: Duration) { driver.endStatements(within: time) }

    /// Closes all connections once what is running has ended, or after five seconds.
    public func close() async { await driver.close() }
}

enum TransactionKind: Sendable {
    case read, write
    /// As write, excluding other processes' migrations, and without a limit of time.
    case migration
}

/// What a kind of database has to do.
protocol Driver: Queryable {
    func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows
    func transaction<T: Sendable>(
        _ kind: TransactionKind, _ body: @Sendable (any Connection) async throws -> T
    ) async throws -> T
    func endStatements(within time: Duration)
    func close() async
}

extension Driver {
    func query(_ sql: SQL) async throws -> Rows { try await query(sql, .lookUp) }
}
