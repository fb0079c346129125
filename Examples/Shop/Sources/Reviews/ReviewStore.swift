import MartletCore
import MartletData

/// The reviews in the database. Every method is one transaction.
struct ReviewStore: Sendable {
    let database: Database
    let clock: WallClock

    func list(_ query: ListQuery<Review>) async throws -> RowPage<Review> {
        try await database.page(query)
    }

    /// - Throws: ``Problem`` 404.
    func find(_ id: ID<Review>) async throws -> Review {
        try await database.first(Review.self, "SELECT \(Review.columns) FROM reviews WHERE id = \(id)").orNotFound()
    }

    /// - Throws: ``Problem`` 409 when the author has already reviewed the product.
    func create(_ input: ReviewInput, by author: Principal) async throws -> Review {
        let owner: ColumnValues = ["author_id": author.userID, "author": author.username]
        return try await uniquely {
            try await database.one(
                Review.self,
                "INSERT INTO reviews \(values: input, with: owner, stamped: clock.now) RETURNING \(Review.columns)")
        }
    }

    /// - Throws: ``Problem`` 404 for the reviews of others too, 412 when the precondition fails.
    func update(
        _ id: ID<Review>, if precondition: Precondition, by author: Principal,
        _ change: @escaping @Sendable (Review) throws -> ReviewInput
    ) async throws -> Review {
        try await database.change(Review.self, id, where: "author_id = \(author.userID)", if: precondition) {
            current, connection in
            try await connection.one(
                Review.self,
                """
                UPDATE reviews SET \(set: change(current)), updated_at = \(clock.now.next(after: current.updatedAt))
                WHERE id = \(id) RETURNING \(Review.columns)
                """)
        }
    }

    /// - Throws: ``Problem`` 404 for the reviews of others too, 412 when the precondition fails.
    func delete(_ id: ID<Review>, if precondition: Precondition, by author: Principal) async throws {
        try await database.change(Review.self, id, where: "author_id = \(author.userID)", if: precondition) {
            _, connection in _ = try await connection.execute("DELETE FROM reviews WHERE id = \(id)")
        }
    }
}
