import Logging
import MartletCore
import Synchronization

/// A SQLite file in WAL mode. One connection writes, several read, and neither blocks the other.
///
/// Each connection has its own thread (ADR 0032). Half of the readers are for statements that may scan a whole table.
/// They run at a lower priority, and look-ups never wait for them. A reading statement that is not known to be slow
/// starts on a quick reader; if it exceeds its CPU time, it starts over on a slow one. A database locked by another
/// process is retried after a delay.
final class SQLiteDatabase: Driver {
    /// The CPU time that a quick statement may use, in milliseconds.
    private static let quickShare: Int64 = 20
    /// The maximum number of slow statements that wait for a connection.
    private static let scanQueue = 64

    let dialect = Dialect.sqlite
    private let isInMemory: Bool
    private let writers: ConnectionPool<SQLiteConnection>
    private let lookUps: SharedReaders
    /// The connections for reading transactions, which need exclusive use of one.
    private let readers: ConnectionPool<SQLiteConnection>
    private let scanners: ConnectionPool<SQLiteConnection>
    private let slow = SlowStatements()
    private let busyTimeout: Duration
    private let isPrepared = Atomic(false)
    private let closing = ClosingTime()
    private let logger: Logger

    /// - Parameter path: nil for a database in memory.
    init(path: String?, options: Database.Options, logger: Logger) {
        isInMemory = path == nil
        busyTimeout = options.busyTimeout
        self.logger = logger
        let timeout = options.statementTimeout
        let closing = closing
        let scanning = max(1, options.readers / 2)
        writers = ConnectionPool(limit: 1, patience: options.leaseTimeout) {
            SQLiteConnection(path: path, isReadOnly: false, statementTimeout: timeout, closing: closing)
        }
        let makeReader: @Sendable () -> SQLiteConnection = {
            SQLiteConnection(path: path, isReadOnly: true, statementTimeout: timeout, closing: closing)
        }
        let quick = max(1, options.readers - scanning)
        lookUps = SharedReaders((0..<quick).map { _ in makeReader() }, patience: options.leaseTimeout)
        readers = ConnectionPool(limit: quick, patience: options.leaseTimeout, open: makeReader)
        scanners = ConnectionPool(limit: scanning, patience: options.leaseTimeout, queue: Self.scanQueue) {
            SQLiteConnection(
                path: path, isReadOnly: true, isYielding: true, statementTimeout: timeout, closing: closing)
        }
    }

    func query(_ sql: SQL, _ kind: StatementKind) async throws -> Rows {
        Rows(table: try await run(sql, kind).table)
    }

    func execute(_ sql: SQL) async throws -> Int { try await run(sql, .lookUp).changes }

    private func run(_ sql: SQL, _ kind: StatementKind) async throws -> SQLiteConnection.StatementResult {
        if sql.mayBeReadOnly, !isInMemory {
            var isSlow = kind == .scan || slow.contains(sql)
            if !isSlow {
                if !isPrepared.load(ordering: .acquiring) { try await prepare() }
                switch try await retrying({ try await lookUps.run(sql, share: Self.quickShare) }) {
                case .result(let result): return result
                case .writes: break
                case .isSlow:
                    slow.insert(sql)
                    isSlow = true
                }
            }
            if isSlow, case .result(let result) = try await lend(scanners, { try await $0.runReading(sql) }) {
                return result
            }
        }
        return try await lend(writers) { writer in try await writer.run(sql) }
    }

    func transaction<T: Sendable>(
        _ kind: TransactionKind, _ body: @Sendable (any Connection) async throws -> T
    ) async throws -> T {
        let isReadOnly = kind == .read
        let pool = isReadOnly && !isInMemory ? readers : writers
        let connection = try await acquire(pool)
        // The transaction's statements then run on one thread, without two thread switches for each.
        return try await withTaskExecutorPreference(connection.thread) {
            do {
                let number = try await retrying { try await connection.begin(isReadOnly: isReadOnly) }
                wasOpened(pool)
                let lease = SQLiteLease(connection, transaction: number, isReadOnly: isReadOnly)
                let value = try await body(lease)
                try Task.checkCancellation()
                try await connection.commit(number)
                await giveBack(connection, to: pool)
                lease.commitActions.run()
                return value
            } catch {
                do {
                    try await connection.rollback()
                    await giveBack(connection, to: pool)
                } catch let failure {
                    logger.error("rollback failed, closing the connection", metadata: ["error": "\(failure)"])
                    await connection.close()
                    pool.discard()
                }
                throw error
            }
        }
    }

    func endStatements(within time: Duration) { closing.set(in: time) }

    func close() async {
        closing.set(in: .seconds(4))
        lookUps.close()
        let pools = [readers, scanners, writers]
        let writing = writers.close()
        for connection in readers.close() + scanners.close() { await connection.close() }
        let deadline = ContinuousClock.now + .seconds(5)
        while !(pools.allSatisfy(\.isDrained) && lookUps.isDrained), ContinuousClock.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
        await lookUps.closeConnections()
        // Close the writer last: SQLite then removes the write-ahead log.
        for connection in writing { await connection.close() }
    }

    // MARK: Connections

    private func lend<T: Sendable>(
        _ pool: ConnectionPool<SQLiteConnection>, _ body: @Sendable (SQLiteConnection) async throws -> T
    ) async throws -> T {
        let connection = try await acquire(pool)
        do {
            let value = try await retrying { try await body(connection) }
            wasOpened(pool)
            await giveBack(connection, to: pool)
            return value
        } catch {
            await giveBack(connection, to: pool)
            throw error
        }
    }

    private func acquire(_ pool: ConnectionPool<SQLiteConnection>) async throws -> SQLiteConnection {
        // A reader cannot create the file or switch it to WAL mode.
        if pool !== writers, !isPrepared.load(ordering: .acquiring) { try await prepare() }
        return try await pool.acquire()
    }

    private func prepare() async throws {
        let writer = try await writers.acquire()
        do {
            try await retrying { try await writer.open() }
            wasOpened(writers)
            await giveBack(writer, to: writers)
        } catch {
            await giveBack(writer, to: writers)
            throw error
        }
    }

    /// Records that the writer has created the file. Readers then need not wait for the writer, which may wait for a
    /// lock.
    private func wasOpened(_ pool: ConnectionPool<SQLiteConnection>) {
        if pool === writers { isPrepared.store(true, ordering: .releasing) }
    }

    private func giveBack(_ connection: SQLiteConnection, to pool: ConnectionPool<SQLiteConnection>) async {
        if let unwanted = pool.release(connection) { await unwanted.close() }
    }

    /// Retries while another process holds the lock, until the busy timeout.
    private func retrying<T>(_ body: () async throws -> T) async throws -> T {
        let deadline = ContinuousClock.now + busyTimeout
        let backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(50))
        var failures = 0
        while true {
            do {
                return try await body()
            } catch is SQLiteBusy {
                failures += 1
                let delay = backoff.wait(after: failures)
                guard ContinuousClock.now + delay < deadline else {
                    throw DatabaseError.timeout("the file stayed locked by another process for \(busyTimeout)")
                }
                try await Task.sleep(for: delay)
            }
        }
    }
}

extension SQL {
    /// Whether the statement may be a reading one, judging by its first word.
    var mayBeReadOnly: Bool {
        let word = text.lazy.drop { $0 <= 0x20 || $0 == UInt8(ascii: "(") }.prefix(7).map { $0 & 0xDF }
        return ["SELECT", "VALUES", "WITH"].contains { word.starts(with: $0.utf8) }
    }
}
