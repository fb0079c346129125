public import MartletCore

extension Database {
    /// Reads and locks a row, checks the precondition and runs `body`, all in one transaction.
    /// - Parameters:
    ///   - scope: a condition that the row must also meet, such as its owner.
    ///   - body: changes or deletes the row. Its statements are committed together when it returns.
    /// - Throws: ``Problem`` 404 if the scope has no such row, 412 if the precondition demands another version; errors of
    ///   `body` and ``transaction(_:)``.
    public func change<Row: Model & Versioned, Result: Sendable>(
        _ model: Row.Type, _ id: ID<Row>, where scope: SQL = "1 = 1", if precondition: Precondition = .none,
        _ body: @Sendable (_ current: Row, _ connection: any Connection) async throws -> Result
    ) async throws -> Result {
        try await transaction { connection in
            let current = try await connection.first(
                Row.self,
                """
                SELECT \(Row.columns) FROM \(identifier: Row.table) WHERE id = \(id) AND (\(scope))\(dialect.forUpdate)
                """
            ).orNotFound()
            try precondition.require(current)
            return try await body(current, connection)
        }
    }
}
