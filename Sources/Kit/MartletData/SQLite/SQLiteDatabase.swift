#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Logging
import Synchronization

/// A SQLite file in WAL mode: one connection writes, several read, and neither waits for the other.
///
/// Statements run on the calling thread and never wait for a lock there: a database that another process has locked is
/// tried again after a sleep.
final class SQLiteDatabase: Driver {
    let dialect = Dialect.sqlite
    private let isInMemory: Bool
    private let writers: ConnectionPool<SQLiteConnection>
    private let readers: ConnectionPool<SQLiteConnection>
    private let busyTimeout: Duration
    private let isPrepared = Atomic(false)
    private let logger: Logger

    /// - Parameter path: nil for a database in memory.
    init(path: String?, options: Database.Options, logger: Logger) {
        isInMemory = path == nil
        busyTimeout = options.busyTimeout
        self.logger = logger
        let timeout = options.statementTimeout
        writers = ConnectionPool(limit: 1, patience: options.leaseTimeout) {
            if let path { try createPrivateFile(path) }
            return try SQLiteConnection(path: path, isReadOnly: false, statementTimeout: timeout)
        }
        readers = ConnectionPool(limit: options.readers, patience: options.leaseTimeout) {
            try SQLiteConnection(path: path, isReadOnly: true, statementTimeout: timeout)
        }
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try await run(sql).table) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }

    private func run(_ sql: SQL) async throws -> SQLiteConnection.Answer {
        if sql.mayBeReadOnly {
            let answer = try await lend(for: .read) { reader in
                try await retrying { try reader.runReading(sql) }
            }
            if let answer { return answer }
        }
        return try await lend(for: .write) { writer in try await retrying { try writer.run(sql) } }
    }

    func transaction<T: Sendable>(
        _ kind: TransactionKind, _ body: @Sendable (any Connection) async throws -> T
    ) async throws -> T {
        let pool = pool(for: kind)
        let connection = try await acquire(pool)
        let lease = SQLiteLease(connection, isReadOnly: kind == .read)
        do {
            _ = try await retrying { try connection.run(kind == .read ? "BEGIN DEFERRED" : "BEGIN IMMEDIATE") }
            let value = try await body(lease)
            try Task.checkCancellation()
            try lease.commit()
            giveBack(connection, to: pool)
            return value
        } catch {
            do {
                try lease.rollback()
                giveBack(connection, to: pool)
            } catch let failure {
                logger.error("rollback failed, closing the connection", metadata: ["error": "\(failure)"])
                connection.close()
                pool.discard()
            }
            throw error
        }
    }

    func close() async {
        let idle = readers.close() + writers.close()
        for connection in idle { connection.close() }
        let deadline = ContinuousClock.now + .seconds(5)
        while !(readers.isDrained && writers.isDrained), ContinuousClock.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: Connections

    private func pool(for kind: TransactionKind) -> ConnectionPool<SQLiteConnection> {
        kind == .read && !isInMemory ? readers : writers
    }

    private func lend<T>(
        for kind: TransactionKind, _ body: (SQLiteConnection) async throws -> T
    ) async throws -> T {
        let pool = pool(for: kind)
        let connection = try await acquire(pool)
        defer { giveBack(connection, to: pool) }
        return try await body(connection)
    }

    private func acquire(_ pool: ConnectionPool<SQLiteConnection>) async throws -> SQLiteConnection {
        // A reader cannot create the file, nor put it into WAL mode.
        if pool === readers, !isPrepared.load(ordering: .acquiring) {
            giveBack(try await acquire(writers), to: writers)
        }
        let connection = try await retrying { try await pool.acquire() }
        if pool === writers { isPrepared.store(true, ordering: .releasing) }
        return connection
    }

    private func giveBack(_ connection: SQLiteConnection, to pool: ConnectionPool<SQLiteConnection>) {
        pool.release(connection)?.close()
    }

    /// Repeats what another process' lock has stopped, until the busy timeout.
    private func retrying<T>(_ body: () async throws -> T) async throws -> T {
        let deadline = ContinuousClock.now + busyTimeout
        var delay = Duration.milliseconds(1)
        while true {
            do {
                return try await body()
            } catch is SQLiteBusy {
                guard ContinuousClock.now + delay < deadline else {
                    throw DatabaseError.timeout("the file stayed locked by another process for \(busyTimeout)")
                }
                try await Task.sleep(for: delay)
                delay = min(delay * 2, .milliseconds(50))
            }
        }
    }
}

/// The connection that a transaction's body gets.
final class SQLiteLease: Connection {
    private enum State {
        case open, failed, ended
    }

    let dialect = Dialect.sqlite
    private let connection: SQLiteConnection
    private let isReadOnly: Bool
    private let state = Mutex(State.open)

    init(_ connection: SQLiteConnection, isReadOnly: Bool) {
        self.connection = connection
        self.isReadOnly = isReadOnly
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try run(sql).table) }
    func execute(_ sql: SQL) async throws -> Int { try run(sql).changes }

    private func run(_ sql: SQL) throws -> SQLiteConnection.Answer {
        try Task.checkCancellation()
        // Held while the statement runs, so that the transaction cannot end under it.
        return try state.withLock { state in
            switch state {
            case .ended: throw DatabaseError.escapedConnection
            case .failed: throw DatabaseError.abortedTransaction
            case .open: break
            }
            do {
                guard isReadOnly else { return try connection.run(sql) }
                guard let answer = try connection.runReading(sql) else {
                    throw DatabaseError.other(code: "read_only", message: "cannot write in a read transaction")
                }
                return answer
            } catch {
                state = .failed
                throw error is SQLiteBusy ? DatabaseError.timeout("the file is locked by another process") : error
            }
        }
    }

    func commit() throws {
        try state.withLock { state in
            guard case .open = state else {
                throw DatabaseError.abortedTransaction
            }
            _ = try connection.run("COMMIT")
            state = .ended
        }
    }

    func rollback() throws {
        try state.withLock { state in
            state = .ended
            try connection.rollback()
        }
    }
}

extension SQL {
    /// Whether the first word lets a statement be a reading one.
    var mayBeReadOnly: Bool {
        let word = text.lazy.drop { $0 <= 0x20 || $0 == UInt8(ascii: "(") }.prefix(7).map { $0 & 0xDF }
        return ["SELECT", "VALUES", "WITH"].contains { word.starts(with: $0.utf8) }
    }
}

/// SQLite gives the files beside it the same permissions.
private func createPrivateFile(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
        throw DatabaseError.unavailable("cannot open the SQLite file: \(String(cString: strerror(errno)))")
    }
    closeFile(descriptor)
}

/// `close` by another name: inside the driver that is its own method.
private func closeFile(_ descriptor: CInt) { _ = close(descriptor) }
