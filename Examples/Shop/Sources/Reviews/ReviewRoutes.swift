import MartletCore
import MartletData
import MartletWeb

extension ReviewsService {
    @Sendable func list(_ context: Context, _ query: ListQuery<Review>) async throws -> RowPage<Review> {
        try await reviews.list(query)
    }

    @Sendable func find(_ context: Context, _ id: ID<Review>) async throws -> Review {
        try await reviews.find(id)
    }

    @Sendable func create(_ context: Context, _ input: ReviewInput) async throws -> Created<Review> {
        try check(input)
        try await products.requireProduct(input.productId)
        let review = try await reviews.create(input, by: context.user())
        return Created(review, at: "/api/reviews/\(review.id)")
    }

    @Sendable func update(
        _ context: Context, _ id: ID<Review>, _ patch: MergePatch<ReviewInput>
    ) async throws -> Review {
        try await reviews.update(id, if: context.precondition, by: context.user()) { current in
            let input = try patch.applied(to: current)
            try check(input)
            guard input.productId == current.productId else {
                throw Problem.invalid(field: "product_id", "Cannot be changed.", code: "immutable")
            }
            return input
        }
    }

    @Sendable func delete(_ context: Context, _ id: ID<Review>) async throws -> NoContent {
        try await reviews.delete(id, if: context.precondition, by: context.user())
        return NoContent()
    }

    private func check(_ input: ReviewInput) throws(Problem) {
        guard input.text.unicodeScalars.count <= maximumLength else {
            throw .invalid(field: "text", "Must have at most \(maximumLength) characters.", code: "too_long")
        }
    }
}
