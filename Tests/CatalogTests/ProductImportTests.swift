import MartletCore
import MartletData
import MartletMessaging
import MartletTesting
import MartletWeb
import Testing

@testable import Catalog

/// Imports in the background.
@Suite struct ProductImportTests {
    private func rows(_ count: Int, price: Int64 = 100) -> [ProductChange] {
        (0..<count).map { number in
            let product = ProductInput(
                name: "P\(number)", sku: "S\(number)", price: Money(minorUnits: price) ?? .zero, currency: "USD",
                description: "", category: "", stock: 1)
            return ProductChange(product, fields: ["name", "price"])
        }
    }

    private func run(_ store: TestStore, _ body: @Sendable (RunningService, ProductStore) async throws -> Void)
        async throws
    {
        try await RunningService.run(CatalogService.self, on: store) { service in
            let products = ProductStore(database: service.database, messages: service.platform.messages)
            try await body(service, products)
        }
    }

    @Test(arguments: TestStore.allCases) func loadsRowsInParts(store: TestStore) async throws {
        try await run(store) { service, products in
            for (isUpdate, price) in [(false, 100), (true, 250)] as [(Bool, Int64)] {
                let job = try await products.loadLater(rows(1200, price: price), isUpdate: isUpdate)
                try await eventually("the end of the job") {
                    try await service.database.exists(
                        "SELECT 1 FROM jobs_done WHERE id = \(job) AND outcome = 'completed'")
                }
                #expect(
                    try await service.database.count("SELECT count(*) FROM products WHERE price = \(price)") == 1200)
                #expect(try await service.database.count("SELECT count(*) FROM import_batches") == 0)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func saysWhyItGaveUp(store: TestStore) async throws {
        try await run(store) { service, products in
            _ = try await products.create(rows(700)[600].product)
            let job = try await products.loadLater(rows(1200), isUpdate: false)
            let dead = try await eventually("the job to be dead") {
                try await service.database.value(
                    String.self, "SELECT errors FROM jobs WHERE id = \(job) AND state = 'dead'")
            }
            #expect(dead.contains("another product has the same sku; 500 rows are loaded"))
            // The first part is loaded once, also when the job is run again.
            #expect(try await service.database.count("SELECT count(*) FROM products") == 501)
        }
    }
}
