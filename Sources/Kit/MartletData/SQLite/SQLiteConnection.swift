import GRDB
import GRDBSQLite
import MartletSystem

/// One connection to a SQLite file. It has its own thread, which opens the file, runs statements and waits for the
/// disk, so that event loops never block.
///
/// The first statement opens the file. GRDB opens and closes it; the pool lends a connection to one user at a time.
actor SQLiteConnection {
    /// The result of a statement.
    struct StatementResult: Sendable {
        let table: SQLiteTable
        let changes: Int
    }

    /// The outcome of a statement that should only read.
    enum Reading: Sendable {
        case result(StatementResult)
        /// The statement would write and was not run.
        case writes
        /// The statement exceeded its CPU time.
        case isSlow
    }

    /// The connection's thread. A task that prefers this executor runs its statements without switching threads.
    nonisolated let thread: SerialThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let path: String?
    private let isReadOnly: Bool
    private let statementTimeout: Duration
    private let limit: StatementLimit
    private var queue: DatabaseQueue?
    private var statements = StatementCache<StatementText, SQLiteStatement>(limit: 256)
    private var transaction: (number: UInt64, hasFailed: Bool)?
    private var transactions: UInt64 = 0
    private var isClosed = false

    /// - Parameters:
    ///   - path: nil for a database in memory.
    ///   - isYielding: whether the thread runs at a lower priority than the rest of the process.
    init(path: String?, isReadOnly: Bool, isYielding: Bool = false, statementTimeout: Duration, closing: ClosingTime) {
        self.path = path
        self.isReadOnly = isReadOnly
        self.statementTimeout = statementTimeout
        limit = StatementLimit(closing: closing)
        thread = SerialThread(name: isReadOnly ? "sqlite-read" : "sqlite-write", isYielding: isYielding)
    }

    deinit { thread.stop() }

    // MARK: Statements

    /// Runs one statement to its end.
    /// - Throws: ``DatabaseError``, or ``SQLiteBusy`` when nothing was done.
    func run(_ sql: SQL) throws -> StatementResult {
        try opened().writeWithoutTransaction { database in
            let (statement, connection) = try statement(sql, database)
            let before = sqlite3_total_changes(connection)
            limit.start(statementTimeout)
            let table = try statement.run(sql.values)
            // After a statement that changes no rows, such as CREATE, `changes` still holds the previous count.
            let isUnchanged = sqlite3_total_changes(connection) == before
            return StatementResult(table: table, changes: isUnchanged ? 0 : Int(sqlite3_changes(connection)))
        }
    }

    /// Runs a statement that writes nothing.
    /// - Parameters:
    ///   - share: the CPU time it may use, in milliseconds; nil for no limit.
    ///   - deadline: the latest time to start.
    func runReading(
        _ sql: SQL, share: Int64? = nil, before deadline: ContinuousClock.Instant? = nil
    ) throws -> Reading {
        if let deadline {
            try Task.checkCancellation()
            if deadline < .now { throw DatabaseError.timeout("no connection became free in time") }
        }
        return try opened().writeWithoutTransaction { database in
            let (statement, _) = try statement(sql, database)
            guard statement.isReadOnly else { return .writes }
            limit.start(statementTimeout, share: share)
            do {
                return .result(StatementResult(table: try statement.run(sql.values), changes: 0))
            } catch DatabaseError.timeout where limit.isShareUsed && !Task.isCancelled {
                return .isSlow
            }
        }
    }

    // MARK: Transactions

    /// Begins a transaction.
    /// - Returns: its number, to pass with each of its statements.
    func begin(isReadOnly: Bool) throws -> UInt64 {
        _ = try run(isReadOnly ? "BEGIN DEFERRED" : "BEGIN IMMEDIATE")
        transactions += 1
        transaction = (transactions, false)
        return transactions
    }

    /// Runs a statement of a transaction. A failed statement aborts the transaction, as in PostgreSQL.
    func run(_ sql: SQL, in number: UInt64, isReadOnly: Bool) throws -> StatementResult {
        guard let transaction, transaction.number == number else { throw DatabaseError.escapedConnection }
        guard !transaction.hasFailed else { throw DatabaseError.abortedTransaction }
        do {
            try Task.checkCancellation()
            guard isReadOnly else { return try run(sql) }
            guard case .result(let result) = try runReading(sql) else {
                throw DatabaseError.other(code: "read_only", message: "cannot write in a read transaction")
            }
            return result
        } catch {
            self.transaction?.hasFailed = true
            throw error is SQLiteBusy ? DatabaseError.timeout("the file is locked by another process") : error
        }
    }

    func commit(_ number: UInt64) throws {
        guard let transaction, transaction.number == number, !transaction.hasFailed else {
            throw DatabaseError.abortedTransaction
        }
        _ = try run("COMMIT")
        self.transaction = nil
    }

    /// Ends the open transaction, unless SQLite has already ended it.
    func rollback() throws {
        transaction = nil
        guard let queue else { return }
        let isOpen = try queue.writeWithoutTransaction { database in
            guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
            return sqlite3_get_autocommit(connection) == 0
        }
        if isOpen { _ = try run("ROLLBACK") }
    }

    // MARK: Opening and closing

    /// Opens the file unless it is open.
    /// - Throws: ``DatabaseError/unavailable(_:)``, ``SQLiteBusy``.
    func open() throws { _ = try opened() }

    func close() {
        transaction = nil
        queue?.writeWithoutTransaction { _ in statements.removeAll() }
        try? queue?.close()
        queue = nil
        isClosed = true
        thread.stop()
    }

    private func opened() throws -> DatabaseQueue {
        if let queue { return queue }
        guard !isClosed else { throw DatabaseError.closed }
        if let path, !isReadOnly { try createPrivateFile(path) }
        let limit = limit
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.foreignKeysEnabled = true
        configuration.allowsUnsafeTransactions = true
        // Short, because it blocks the thread. The driver retries until the configured timeout.
        configuration.busyMode = .timeout(0.02)
        configuration.prepareDatabase { [isReadOnly, path] database in
            guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
            sqlite3_progress_handler(connection, StatementLimit.steps, StatementLimit.check, limit.unmanaged)
            registerFunctions(on: connection)
            if !isReadOnly, path != nil {
                _ = try SQLiteStatement("PRAGMA journal_mode = WAL", on: connection).run([])
                // An acknowledged commit is on the disk and survives a power failure (ADR 0033).
                _ = try SQLiteStatement("PRAGMA synchronous = FULL", on: connection).run([])
            }
        }
        do {
            let queue =
                try path.map { try DatabaseQueue(path: $0, configuration: configuration) }
                ?? DatabaseQueue(configuration: configuration)
            self.queue = queue
            return queue
        } catch let error as GRDB.DatabaseError {
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: throw SQLiteBusy()
            default: throw DatabaseError.unavailable(error.message ?? "cannot open the file")
            }
        }
    }

    private func statement(_ sql: SQL, _ database: GRDB.Database) throws -> (SQLiteStatement, OpaquePointer) {
        guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
        let key = StatementText(bytes: sql.text)
        if let statement = statements.find(key) { return (statement, connection) }
        let statement = try SQLiteStatement(sql, on: connection)
        _ = statements.insert(statement, for: key)
        return (statement, connection)
    }
}

/// Creates the file, readable by its owner only. SQLite gives the log files the same permissions.
private func createPrivateFile(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
        throw DatabaseError.unavailable("cannot open the SQLite file: \(String(cString: strerror(errno)))")
    }
    closeFile(descriptor)
}

/// The C function `close`, which the actor's own method hides.
private func closeFile(_ descriptor: CInt) { _ = close(descriptor) }
