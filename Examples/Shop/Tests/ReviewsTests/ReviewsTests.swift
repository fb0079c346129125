import Catalog
import MartletCore
import MartletTesting
import Reviews
import Testing

@Suite struct ReviewsTests {
    /// Runs the service together with the catalog, which has one product.
    private func withReviews(
        on store: TestStore = .sqlite, settings: ReviewsSettings = .init(),
        _ body: @Sendable @escaping (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.run(ReviewsService.self, on: store, beside: [CatalogService.self], settings: settings) {
            service in
            let seller = try await service.issuer.token(permissions: ["catalog.add_product"])
            let made = try await service.send(
                "POST", "/api/products", #"{"name":"Jasmine tea","price":"12.50"}"#, token: seller)
            #expect(made.status == 201)
            try await body(service)
        }
    }

    private let review = #"{"product_id":1,"rating":5,"title":"Fragrant"}"#

    @Test(arguments: TestStore.allCases)
    func onlyTheAuthorChangesAReview(store: TestStore) async throws {
        try await withReviews(on: store) { service in
            let ann = try await service.issuer.token(user: 1)
            let bob = try await service.issuer.token(user: 2)
            let made = try await service.send("POST", "/api/reviews", review, token: ann)
            #expect(made.status == 201)
            let path = try #require(made.headers["location"])
            #expect(try await service.send("PATCH", path, #"{"rating":1}"#, token: bob).status == 404)
            #expect(try await service.send("DELETE", path, token: bob).status == 404)
            let changed = try await service.send("PATCH", path, #"{"rating":4}"#, token: ann)
            #expect(changed.json["rating"] == 4 && changed.json["title"] == "Fragrant")
            let list = try await service.send("GET", "/api/reviews?product_id=1&ordering=-rating")
            #expect(list.json["total"] == 1)
            #expect(try await service.send("DELETE", path, token: ann).status == 204)
        }
    }

    @Test(arguments: TestStore.allCases)
    func acceptsOneReviewOfAProductByAUser(store: TestStore) async throws {
        try await withReviews(on: store) { service in
            let ann = try await service.issuer.token(user: 1)
            #expect(try await service.send("POST", "/api/reviews", review, token: ann).status == 201)
            let again = try await service.send("POST", "/api/reviews", review, token: ann)
            #expect(again.status == 409 && again.json["code"] == "already_exists")
        }
    }

    @Test func rejectsUnknownProducts() async throws {
        try await withReviews { service in
            let ann = try await service.issuer.token()
            let answer = try await service.send(
                "POST", "/api/reviews", #"{"product_id":9,"rating":5,"title":"Fragrant"}"#, token: ann)
            #expect(answer.fieldErrors == ["body.product_id not_found"])
        }
    }

    @Test func holdsTextsToTheSetting() async throws {
        var reader = SettingReader { $0.key == "review_length" ? "5" : nil }
        try await withReviews(settings: ReviewsSettings(&reader)) { service in
            let ann = try await service.issuer.token()
            let answer = try await service.send(
                "POST", "/api/reviews", #"{"product_id":1,"rating":5,"title":"Fragrant","text":"Too long"}"#, token: ann)
            #expect(answer.fieldErrors == ["body.text too_long"])
        }
    }
}
