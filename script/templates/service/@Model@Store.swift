import MartletCore
import MartletData

/// The @words@ in the database. Every method is one transaction.
struct @Model@Store: Sendable {
    let database: Database
    let clock: WallClock

    func list(_ query: ListQuery<@Model@>) async throws -> RowPage<@Model@> {
        try await database.page(query)
    }

    /// - Throws: ``Problem`` 404.
    func find(_ id: ID<@Model@>) async throws -> @Model@ {
        try await database.first(@Model@.self, "SELECT \(@Model@.columns) FROM @table@ WHERE id = \(id)").orNotFound()
    }

    func create(_ input: @Model@Input) async throws -> @Model@ {
        try await database.one(
            @Model@.self, "INSERT INTO @table@ \(values: input, stamped: clock.now) RETURNING \(@Model@.columns)")
    }

    /// - Parameter change: returns the changed @word@.
    /// - Throws: ``Problem`` 404, 412 when the precondition fails.
    func update(
        _ id: ID<@Model@>, if precondition: Precondition, _ change: @escaping @Sendable (@Model@) throws -> @Model@Input
    ) async throws -> @Model@ {
        try await database.change(@Model@.self, id, if: precondition) { current, connection in
            try await connection.one(
                @Model@.self,
                """
                UPDATE @table@ SET \(set: change(current)), updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE id = \(id) RETURNING \(@Model@.columns)
                """)
        }
    }

    /// - Throws: ``Problem`` 404, 412 when the precondition fails.
    func delete(_ id: ID<@Model@>, if precondition: Precondition) async throws {
        try await database.change(@Model@.self, id, if: precondition) { _, connection in
            _ = try await connection.execute("DELETE FROM @table@ WHERE id = \(id)")
        }
    }
}
