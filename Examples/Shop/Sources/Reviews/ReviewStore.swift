import MartletCore
import MartletData
import MartletMessaging

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

    // MARK: Events of other programs

    /// Makes a rating a review, unless the user has already reviewed the product.
    @Sendable func add(_ event: ProductRated, _ delivery: Delivery, on connection: any Connection) async throws {
        guard (1...5).contains(event.rating), (1...120).contains(event.title.count) else {
            throw GiveUp("the rating must be from 1 to 5, and the title must have 1 to 120 characters")
        }
        let input = ReviewInput(productId: event.productID, rating: event.rating, title: event.title, text: "")
        let author: ColumnValues = ["author_id": event.userID, "author": event.username]
        try await connection.execute(
            """
            INSERT INTO reviews \(values: input, with: author, stamped: delivery.time)
            ON CONFLICT (product_id, author_id) DO NOTHING
            """)
    }

    @Sendable func remove(_ event: ReviewRemoved, _ delivery: Delivery, on connection: any Connection) async throws {
        try await connection.execute("DELETE FROM reviews WHERE id = \(event.reviewID)")
    }
}
