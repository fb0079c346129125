import Contracts
import MartletCore
import MartletData
import MartletMessaging
import MartletTesting
import Testing

@testable import Catalog

/// What Catalog tells other services.
@Suite struct ProductEventTests {
    private struct Emitted: Decodable {
        let type: String
        let sequence: Int
        let data: String
    }

    private func events(_ database: Database) async throws -> [Emitted] {
        try await database.all(Emitted.self, "SELECT type, sequence, data FROM outbox ORDER BY subject, sequence")
    }

    private func input(_ name: String, sku: String?, stock: Int) -> ProductInput {
        ProductInput(
            name: name, sku: sku, price: Money(minorUnits: 100) ?? .zero, currency: "USD", description: "",
            category: "",
            stock: stock)
    }

    @Test(arguments: TestStore.allCases) func tellsTheLifeOfAProduct(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            let product = try await products.create(input("Chai", sku: "C", stock: 3))
            _ = try await products.update(product.id, if: .none) { _ in input("Chai", sku: "C", stock: 3) }
            _ = try await products.update(product.id, if: .none) { _ in input("Tea", sku: "C", stock: 5) }
            _ = try await products.reduceStock(of: product.id, by: 1)
            try await products.delete(product.id, if: .none)
            let all = try await events(database)
            #expect(
                all.map(\.type) == [
                    ProductChanged.type, StockChanged.type, ProductChanged.type, StockChanged.type, StockChanged.type,
                    ProductDeleted.type,
                ])
            #expect(all.map(\.sequence) == Array(1...6))
            let renamed = try Payload.decode(ProductChanged.self, from: all[2].data, version: 1)
            #expect(renamed.changed == ["name"])
            #expect(renamed.name == "Tea")
            let taken = try Payload.decode(StockChanged.self, from: all[4].data, version: 1)
            #expect(taken.change == -1)
            #expect(taken.stock == 4)
        }
    }

    @Test(arguments: TestStore.allCases) func tellsOfEveryImportedProduct(store: TestStore) async throws {
        try await store.withDatabase(CatalogService.migrations) { database in
            let products = ProductStore(database: database)
            let rows = (0..<150).map { input("P\($0)", sku: "S\($0)", stock: $0 % 2) }
            try await products.create(all: rows)
            _ = try await products.upsert(
                rows.prefix(10).map { ProductChange(input("New", sku: $0.sku, stock: $0.stock), fields: ["name"]) })
            let all = try await events(database)
            #expect(all.count { $0.type == ProductChanged.type } == 160)
            #expect(all.count { $0.type == StockChanged.type } == 75)
        }
    }
}
