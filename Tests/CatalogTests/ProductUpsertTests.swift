import Catalog
import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

@Suite struct ProductUpsertTests {
    private func change(
        _ json: String,
        _ fields: Set<String> = ["name", "sku", "price", "currency", "description", "category", "stock"]
    ) throws -> ProductChange {
        let input = try InputDecoder.decode(
            ProductInput.self, from: [.init(body: JSONValue(parsing: json.utf8))], isPartial: true)
        return ProductChange(input, fields: fields)
    }

    @Test(arguments: TestStore.allCases)
    func createsUpdatesAndSkipsInOneCall(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            let first = try await products.upsert([
                change(#"{"name":"Chai","sku":"A","price":18,"stock":10,"description":"Tea","category":"Beverages"}"#),
                change(#"{"name":"Chang","sku":"B","price":19}"#),
            ])
            #expect(first == UpsertCounts(created: 2))
            let before = try await products.find(ID(1))
            let second = try await products.upsert([
                change(#"{"sku":"A","stock":7}"#, ["stock"]), change(#"{"sku":"B","price":19}"#, ["price"]),
                change(#"{"name":"Aniseed","sku":"C","price":10}"#, ["name", "price"]),
            ])
            #expect(second == UpsertCounts(created: 1, updated: 1, unchanged: 1))
            let after = try await products.find(ID(1))
            #expect(after.stock == 7 && after.name == "Chai" && after.price == before.price)
            #expect(after.description == "Tea" && after.category == "Beverages" && after.createdAt == before.createdAt)
            #expect(after.updatedAt > before.updatedAt)
            let untouched = try await products.find(ID(2))
            #expect(untouched.updatedAt == untouched.createdAt)
            #expect(try await database.count("SELECT count(*) FROM products") == 3)
        }
    }

    @Test(arguments: TestStore.allCases)
    func writesNothingWhenOneRowCannotBeWritten(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            func errors(_ changes: [ProductChange]) async throws -> [String] {
                do {
                    _ = try await products.upsert(changes)
                    return []
                } catch let problem as Problem {
                    return problem.errors.map { "\($0.loc.joined(separator: ".")) \($0.code)" }
                }
            }
            let whole = try change(#"{"name":"Chai","sku":"A","price":18}"#)
            #expect(
                try await errors([whole, change(#"{"sku":"B","stock":1}"#, ["stock"])])
                    == ["rows.1.name required", "rows.1.price required"])
            #expect(try await errors([whole, whole]) == ["rows.1.sku duplicate"])
            #expect(try await errors([change(#"{"name":"Chai","price":18}"#)]) == ["rows.0.sku required"])
            #expect(try await database.count("SELECT count(*) FROM products") == 0)
        }
    }

    @Test(arguments: TestStore.allCases)
    func changesMoreRowsThanOneStatementHolds(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database, clock: TestClock().wallClock)
            let rows = try (0..<1201).map { try change(#"{"name":"P\#($0)","price":1,"sku":"X\#($0)"}"#) }
            #expect(try await products.upsert(rows) == UpsertCounts(created: 1201))
            #expect(try await products.upsert(rows) == UpsertCounts(unchanged: 1201))
            let dearer = try (0..<1201).map { try change(#"{"price":2,"sku":"X\#($0)"}"#, ["price"]) }
            #expect(try await products.upsert(dearer) == UpsertCounts(updated: 1201))
            #expect(try await database.count("SELECT count(*) FROM products WHERE price = 200") == 1201)
            #expect(try await database.count("SELECT count(*) FROM products WHERE updated_at > created_at") == 1201)
        }
    }
}
