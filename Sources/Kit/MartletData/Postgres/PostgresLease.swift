import Synchronization

/// The connection that a transaction's body gets. The transaction begins with its first statement.
final class PostgresLease: Connection {
    private enum State {
        case fresh, begun, failed, ended
    }

    let dialect = Dialect.postgres
    private let lent: PostgresPool.Lent
    private let pool: PostgresPool
    private let begin: StaticString
    private let state = Mutex(State.fresh)

    init(_ lent: PostgresPool.Lent, of pool: PostgresPool, kind: TransactionKind) {
        self.lent = lent
        self.pool = pool
        begin =
            kind == .read ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED"
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try await run(sql)) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }

    private func run(_ sql: SQL) async throws -> PostgresResult {
        try Task.checkCancellation()
        // Sent under the lock: nothing may come before the BEGIN, or after the end.
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

    /// Commits, and gives the connection back.
    /// - Throws: ``DatabaseError``; the transaction is then rolled back, or not known to be committed when the error is
    ///   ``DatabaseError/unavailable(_:)``.
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
            // After an error in a COMMIT, such as a deferred constraint, the transaction is over.
            pool.release(lent.connection)
            throw failure.error
        }
    }

    /// Rolls back, and gives the connection back when the server has done so; does not wait for it.
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
