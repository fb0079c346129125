/// The connection of a transaction's body.
final class SQLiteLease: Connection {
    let dialect = Dialect.sqlite
    private let connection: SQLiteConnection
    private let transaction: UInt64
    private let isReadOnly: Bool
    let commitActions = CommitActions()

    init(_ connection: SQLiteConnection, transaction: UInt64, isReadOnly: Bool) {
        self.connection = connection
        self.transaction = transaction
        self.isReadOnly = isReadOnly
    }

    func query(_ sql: SQL) async throws -> Rows { Rows(table: try await run(sql).table) }
    func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }
    func afterCommit(_ action: @escaping @Sendable () -> Void) { commitActions.add(action) }

    private func run(_ sql: SQL) async throws -> SQLiteConnection.StatementResult {
        try await connection.run(sql, in: transaction, isReadOnly: isReadOnly)
    }
}
