public import MartletCore

extension Database {
    /// Changes or deletes an existing row in one transaction: reads and locks it, checks the precondition, and runs
    /// `body`.
    /// - Parameters:
    ///   - scope: an additional condition, such as the owner of the row.
    ///   - body: receives the current row. Its statements are committed together when it returns.
    /// - Throws: ``Problem`` 404 when there is no such row in the scope, 412 when the precondition fails; the errors of
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
