import GRDB
import GRDBSQLite
import Synchronization

/// One connection to a SQLite file.
///
/// GRDB opens it and keeps it on a queue of its own; statements run on the thread that asks, since a look-up takes less
/// time than changing threads. The pool lends a connection to one user at a time, so the queue is never contended.
final class SQLiteConnection: Sendable {
    private let queue: DatabaseQueue
    private let statements = Mutex(StatementCache<StatementText, SQLiteStatement>(limit: 256))
    private let limit: StatementLimit
    private let statementTimeout: Duration

    struct Answer {
        let table: SQLiteTable
        let changes: Int
    }

    /// - Parameter path: nil for a database in memory.
    init(path: String?, isReadOnly: Bool, statementTimeout: Duration) throws {
        self.statementTimeout = statementTimeout
        let limit = StatementLimit()
        self.limit = limit
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.foreignKeysEnabled = true
        configuration.allowsUnsafeTransactions = true
        // Short, because it blocks the thread: the driver itself tries again until the real limit.
        configuration.busyMode = .timeout(0.02)
        configuration.prepareDatabase { database in
            guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
            sqlite3_progress_handler(connection, 10_000, StatementLimit.check, limit.unmanaged)
            registerFunctions(on: connection)
            if !isReadOnly, path != nil {
                _ = try SQLiteStatement("PRAGMA journal_mode = WAL", on: connection).run([])
                _ = try SQLiteStatement("PRAGMA synchronous = NORMAL", on: connection).run([])
            }
        }
        do {
            queue =
                try path.map { try DatabaseQueue(path: $0, configuration: configuration) }
                ?? DatabaseQueue(configuration: configuration)
        } catch let error as GRDB.DatabaseError {
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: throw SQLiteBusy()
            default: throw DatabaseError.unavailable(error.message ?? "cannot open the file")
            }
        }
    }

    /// Runs one statement to its end.
    /// - Throws: ``DatabaseError``, or ``SQLiteBusy`` when nothing was done.
    func run(_ sql: SQL) throws -> Answer {
        try queue.writeWithoutTransaction { database in
            let (statement, connection) = try statement(sql, database)
            let before = sqlite3_total_changes(connection)
            limit.start(statementTimeout)
            let table = try statement.run(sql.values)
            // Of a statement that changes no rows, such as CREATE, `changes` still tells about the one before.
            let isUnchanged = sqlite3_total_changes(connection) == before
            return Answer(table: table, changes: isUnchanged ? 0 : Int(sqlite3_changes(connection)))
        }
    }

    /// Runs a statement that writes nothing.
    /// - Returns: nil when it would write; it has not been run then.
    func runReading(_ sql: SQL) throws -> Answer? {
        try queue.writeWithoutTransaction { database in
            let (statement, _) = try statement(sql, database)
            guard statement.isReadOnly else { return nil }
            limit.start(statementTimeout)
            return Answer(table: try statement.run(sql.values), changes: 0)
        }
    }

    /// Ends the transaction that is open, if SQLite has not done so by itself.
    func rollback() throws {
        let isOpen = try queue.writeWithoutTransaction { database in
            guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
            return sqlite3_get_autocommit(connection) == 0
        }
        if isOpen { _ = try run("ROLLBACK") }
    }

    func close() {
        queue.writeWithoutTransaction { _ in statements.withLock { $0.removeAll() } }
        try? queue.close()
    }

    private func statement(_ sql: SQL, _ database: GRDB.Database) throws -> (SQLiteStatement, OpaquePointer) {
        guard let connection = database.sqliteConnection else { throw DatabaseError.closed }
        let key = StatementText(bytes: sql.text)
        if let statement = statements.withLock({ $0.find(key) }) { return (statement, connection) }
        let statement = try SQLiteStatement(sql, on: connection)
        statements.withLock { cache in _ = cache.insert(statement, for: key) }
        return (statement, connection)
    }
}
