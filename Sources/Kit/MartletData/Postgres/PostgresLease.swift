import Synchronization

/// The connection of a transaction's body. The transaction begins with its first statement.
final class PostgresLease: Connection {
    private enum State {
        case fresh, begun, failed, ended
    }

    let dialect = Dialect.postgres
    private let lent: PostgresPool.Lent
    private let pool: PostgresPool
    private let begin: StaticString
    private let state = Mutex(State.fresh)
    let commitActions = CommitActions()

    init(_ lent: PostgresPool.Lent, of pool: PostgresPool, kind: TransactionKind) {
        self.lent = lent
        self.pool = pool
        begin =
            kind == .read ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED"
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try await run(sql)) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }
    func afterCommit(_ action: @escaping @Sendable () -> Void) { commitActions.add(action) }

    private func run(_ sql: SQL) async throws -> PostgresResult {
        try Task.checkCancellation()
        // Send under the lock, so that nothing precedes the BEGIN or follows the end.
        let exchange = try state.withLock { state in
            switch state {
            case .failed: throw DatabaseError.abortedTransaction
            case .ended: throw DatabaseError.escapedConnection
            case .fresh, .begun: break
            }
            let isFirst = if case .fresh = state { true } else { false }
            let exchange = try PostgresExchange(sql, begin: isFirst ? begin : nil)
            try send(exchange)
            state = .begun
            return exchange
        }
        do {
            return try await exchange.value()
        } catch {
            state.withLock { state in if case .begun = state { state = .failed } }
            throw (error as? PostgresFailure)?.error ?? error
        }
    }

    private func send(_ exchange: PostgresExchange) throws {
        guard case .sent = lent.connection.send(exchange, lease: lent.lease) else {
            throw DatabaseError.unavailable("the connection was lost during the transaction")
        }
    }

    /// Commits and releases the connection.
    /// - Throws: ``DatabaseError``. The transaction is then rolled back; with ``DatabaseError/unavailable(_:)``, it is
    ///   unknown whether it was committed.
    func commit() async throws {
        let exchange = try state.withLock { state -> PostgresExchange? in
            switch state {
            case .failed, .ended: throw DatabaseError.abortedTransaction
            case .fresh:
                state = .ended
                return nil
            case .begun:
                let exchange = try PostgresExchange("COMMIT")
                try send(exchange)
                state = .ended
                return exchange
            }
        }
        guard let exchange else {
            pool.release(lent.connection)
            return
        }
        do {
            let result = try await exchange.valueIgnoringCancellation()
            pool.release(lent.connection)
            guard result.isCommit else { throw DatabaseError.abortedTransaction }
        } catch let failure as PostgresFailure {
            // An error in COMMIT, such as a deferred constraint, ends the transaction.
            pool.release(lent.connection)
            throw failure.error
        }
    }

    /// Rolls back without waiting. The connection is released when the server has rolled back.
    func rollback() {
        let needsRollback = state.withLock { state -> Bool? in
            switch state {
            case .ended: return nil
            case .fresh:
                state = .ended
                return false
            case .begun, .failed:
                state = .ended
                return true
            }
        }
        switch needsRollback {
        case nil: return
        case false?: pool.release(lent.connection)
        case true?:
            let connection = lent.connection
            let exchange = try? PostgresExchange("ROLLBACK") { [pool] result in
                if case .success = result { pool.release(connection) } else { connection.close() }
            }
            guard let exchange, case .sent = connection.send(exchange, lease: lent.lease) else {
                connection.close()
                return
            }
        }
    }
}
