import Catalog
import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

@Suite struct ProductStoreTests {
    private func input(_ json: String) throws -> ProductInput {
        try InputDecoder.decode(ProductInput.self, from: [.init(body: JSONValue(parsing: json.utf8))])
    }

    @Test(arguments: TestStore.allCases)
    func sellsExactlyTenToTwoHundredBuyers(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            let product = try await products.create(try input(#"{"name":"Chai","price":18,"stock":10}"#))
            let sold = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<200 {
                    group.addTask { (try? await products.reduceStock(of: product.id, by: 1)) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(sold == 10)
            let left = try await products.find(product.id)
            #expect(left.stock == 0 && !left.inStock)
        }
    }

    @Test(arguments: TestStore.allCases)
    func everyChangeIsANewVersionOnAStoppedClock(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database, clock: TestClock().wallClock)
            let first = try await products.create(try input(#"{"name":"Chai","price":18,"stock":10}"#))
            let second = try await products.reduceStock(of: first.id, by: 1)
            let third = try await products.reduceStock(of: first.id, by: 1)
            #expect(Set([first.entityTag, second.entityTag, third.entityTag]).count == 3)
        }
    }

    @Test(arguments: TestStore.allCases)
    func versionsDoNotGoBackWhenTheClockDoes(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let clock = TestClock()
            let products = ProductStore(database: database, clock: clock.wallClock)
            let chai = try input(#"{"name":"Chai","price":18,"stock":10,"sku":"A"}"#)
            let first = try await products.create(chai)
            clock.advance(bySeconds: -3600)
            let second = try await products.reduceStock(of: first.id, by: 1)
            let third = try await products.update(first.id, if: .none) { _ in chai }
            _ = try await products.upsert([
                ProductChange(try input(#"{"name":"Chang","price":18,"sku":"A"}"#), fields: ["name"])
            ])
            let fourth = try await products.find(first.id)
            let versions = [first, second, third, fourth].map(\.updatedAt)
            #expect(versions == versions.sorted() && Set(versions).count == 4)
        }
    }

    @Test(arguments: TestStore.allCases)
    func loadsAllOrNothing(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            _ = try await products.create(try input(#"{"name":"Chai","price":18,"sku":"X1200"}"#))
            let many = try (0..<1201).map { try input(#"{"name":"P\#($0)","price":1,"sku":"X\#($0)"}"#) }
            await #expect(throws: Problem.self) { try await products.create(all: many) }
            #expect(try await database.count("SELECT count(*) FROM products") == 1)
            #expect(try await products.taken(many.compactMap(\.sku)) == ["X1200"])
            try await products.create(all: many.dropLast())
            #expect(try await database.count("SELECT count(*) FROM products") == 1201)
        }
    }

    @Test(arguments: TestStore.allCases)
    func duplicateSKUIsAConflictOnTheField(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            let chai = try input(#"{"name":"Chai","price":18,"sku":"A"}"#)
            _ = try await products.create(chai)
            do {
                _ = try await products.create(chai)
                Issue.record("a conflict is expected")
            } catch let problem as Problem {
                #expect(problem.status == 409)
                #expect(problem.errors.map(\.loc) == [["body", "sku"]])
            }
        }
    }
}
