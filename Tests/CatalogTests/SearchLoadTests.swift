import Catalog
import MartletCore
import MartletData
import MartletTesting
import Testing

/// Anonymous searches do not slow down other requests.
@Suite struct SearchLoadTests {
    /// 200,000 products, generated in the database.
    private func fill(_ database: Database) async throws {
        try await database.execute(
            """
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200000)
            INSERT INTO products (name, sku, price, currency, description, category, stock, created_at, updated_at)
            SELECT 'Grüner Tee ' || x, 'T-' || x, x, 'EUR', 'Blätter aus Fujian, von Hand gepflückt', 'Getränke', 5,
                '2026-11-27T00:00:00.000000Z', '2026-11-27T00:00:00.000000Z' FROM n
            """)
    }

    @Test func searchesDoNotDelayOtherRequests() async throws {
        try await RunningService.run(CatalogService.self, on: .sqlite) { service in
            try await fill(service.database)
            let answered = Shared(0)
            let statuses = try await withThrowingTaskGroup(of: Set<Int>.self) { group in
                // Two run, the others wait. The test client has eight connections and needs one for the other requests.
                for number in 0..<6 {
                    group.addTask {
                        var statuses: Set<Int> = []
                        while !Task.isCancelled {
                            let path = "/api/products?search=%C3%A4\(number)%20%E8%8C%B6"
                            guard let answer = try? await service.send("GET", path) else { continue }
                            statuses.insert(answer.status)
                            if answer.status == 200 { answered.next() }
                            if answer.status == 503 { #expect(answer.headers["retry-after"] != nil) }
                        }
                        return statuses
                    }
                }
                for number in 1...100 {
                    for path in ["/health/live", "/api/products/\(number)", "/api/products?limit=1&page=2"] {
                        let answer = try await service.send("GET", path)
                        #expect(answer.status == 200, "\(path)")
                    }
                }
                // Two searches run at a time. Had each of these requests waited for one, there would be half as many.
                let searches = answered.value
                #expect(searches < 75, "\(searches) searches while 300 other requests were answered")
                group.cancelAll()
                return try await group.reduce(into: Set<Int>()) { $0.formUnion($1) }
            }
            #expect(statuses.isSubset(of: [200, 503]))
        }
    }

    @Test func rejectsSearchesOfManyWords() async throws {
        try await RunningService.run(CatalogService.self, on: .sqlite) { service in
            let words = Array(repeating: "a", count: 11).joined(separator: "+")
            let answer = try await service.send("GET", "/api/products?search=\(words)")
            #expect(answer.status == 422)
            #expect(answer.fieldErrors == ["query.search too_many_terms"])
        }
    }

    @Test(arguments: TestStore.allCases)
    func searchesWordsInAnyOrderAndSortsCaseInsensitively(store: TestStore) async throws {
        try await RunningService.run(CatalogService.self, on: store) { service in
            let products = ProductStore(database: service.database)
            let inputs = try ["Zebra", "apple", "乌龙茶 (铁观音)", "Apple"].map { name in
                let body: JSONValue = ["name": .string(name), "price": 1, "category": "Tee"]
                return try InputDecoder.decode(ProductInput.self, from: [.init(body: body)])
            }
            try await products.create(all: inputs)
            func names(_ query: String) async throws -> [String] {
                let answer = try await service.send("GET", "/api/products?\(query)")
                return (answer.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            }
            #expect(try await names("search=%E9%93%81%E8%A7%82%E9%9F%B3+%E4%B9%8C%E9%BE%99%E8%8C%B6") == ["乌龙茶 (铁观音)"])
            #expect(try await names("search=TEE+zeb") == ["Zebra"])
            #expect(try await names("ordering=name") == ["apple", "Apple", "Zebra", "乌龙茶 (铁观音)"])
            #expect(try await names("ordering=-name&limit=2") == ["乌龙茶 (铁观音)", "Zebra"])
        }
    }
}
