import Catalog
import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

@Suite struct ProductCategoriesTests {
    private func withShelves(_ store: TestStore, _ body: @escaping @Sendable (RunningService) async throws -> Void)
        async throws
    {
        try await RunningService.run(CatalogService.self, on: store) { service in
            let products = ProductStore(database: service.database)
            let inputs = try ["Beverages", "condiments", "Äpfel", "", "Beverages", "100%"].enumerated().map {
                let body: JSONValue = ["name": .string("P\($0)"), "price": 1, "category": .string($1)]
                return try InputDecoder.decode(ProductInput.self, from: [.init(body: body)])
            }
            try await products.create(all: inputs)
            try await body(service)
        }
    }

    private func names(_ answer: RunningService.Response) -> [String] {
        (answer.json["items"]?.arrayValue ?? []).map {
            "\($0["category"]?.stringValue ?? "?") \($0["count"]?.intValue ?? 0)"
        }
    }

    @Test(arguments: TestStore.allCases)
    func listsCategoriesWithCounts(store: TestStore) async throws {
        try await withShelves(store) { service in
            let answer = try await service.send("GET", "/api/products/categories")
            #expect(answer.status == 200)
            #expect(names(answer) == ["100% 1", "Beverages 2", "condiments 1", "Äpfel 1"])
            #expect(answer.json["total"] == 4)
        }
    }

    @Test(arguments: TestStore.allCases)
    func searchesInAnyCaseWithinBounds(store: TestStore) async throws {
        try await withShelves(store) { service in
            let path = "/api/products/categories"
            #expect(names(try await service.send("GET", path + "?search=%C3%A4P")) == ["Äpfel 1"])
            #expect(names(try await service.send("GET", path + "?search=%25")) == ["100% 1"])
            let first = try await service.send("GET", path + "?search=e&limit=1")
            #expect(names(first) == ["Beverages 2"])
            #expect(first.json["total"] == 3)
            for bad in ["limit=0", "limit=101", "search=" + String(repeating: "a", count: 101), "page=1"] {
                #expect(try await service.send("GET", path + "?" + bad).status == 422, "\(bad)")
            }
            let none = try await service.send("GET", path + "?search=nothing")
            #expect(none.json["items"] == [] && none.json["total"] == 0)
        }
    }
}
