import Foundation
import MartletCore
import MartletTesting
import Testing

/// Imports that update products, exports of shop systems, and wrong data folders.
@Suite(.inTurn) struct ImportUpdateTests {
    private func load(_ csv: String, into platform: RunningPlatform, _ more: String...) async throws -> Command {
        let path = "\(try TemporaryFolder.make("csv"))/products.csv"
        try Data(csv.utf8).write(to: URL(filePath: path))
        let data = try #require(platform.dataFolder(platform.part(of: "catalog")))
        return try await Command.run(
            TestEnvironment.binary(), ["import", "products", path, "--data-dir", data] + more,
            variables: platform.databaseURL.map { ["DATABASE_URL": $0] } ?? [:])
    }

    private func items(_ platform: RunningPlatform, _ category: String) async throws -> [JSONValue] {
        try await platform.api.get(Products.path + query(["category": category, "ordering": "id", "limit": "100"]))
            .json()["items"]?.arrayValue ?? []
    }

    @Test(arguments: Deployment.allCases)
    func secondImportUpdatesProducts(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let category = uniqueName("csv")
        let (one, two, three) = (uniqueName("sku"), uniqueName("sku"), uniqueName("sku"))
        let first = try await load(
            "sku,name,price,stock,category\n\(one),Chai,1.00,5,\(category)\n\(two),Chang,2.00,6,\(category)\n",
            into: platform, "--update-by", "sku")
        #expect(first.status == 0 && first.standardOutput.contains("2 products added"), "\(first.standardError)")
        // Stock alone, as in a warehouse's file. An empty cell changes nothing.
        let stock = try await load("sku;stock\n\(one);1 500\n\(two);\n", into: platform, "--update-by", "sku")
        #expect(stock.status == 0 && stock.standardOutput.contains("1 changed"), "\(stock.standardError)")
        let mixed = try await load(
            "sku,name,price,category\n\(two),Chang!,2.50,\(category)\n\(three),Ikura,31,\(category)\n", into: platform,
            "--update-by", "sku")
        #expect(mixed.status == 0, "\(mixed.standardError)")
        let products = try await items(platform, category)
        #expect(products.map { $0["name"] } == ["Chai", "Chang!", "Ikura"])
        #expect(products.map { $0["price"] } == [.number("1.00"), .number("2.50"), .number("31.00")])
        #expect(products.map { $0["stock"] } == [1500, 6, 0])

        let again = try await load("sku,name,price\n\(one),Chai,9\n", into: platform)
        #expect(again.status == 2 && again.standardError.contains("--update-by sku"), "\(again.standardError)")
        let unknown = uniqueName("sku")
        let bad = try await load(
            "sku,stock\n\(one),7\n\(unknown),1\n", into: platform, "--update-by", "sku")
        #expect(bad.status == 2 && bad.standardError.contains("products.csv:3"), "\(bad.standardError)")
        #expect(try await items(platform, category).first?["stock"] == 1500, "all or nothing")
        let some = try await load(
            "sku,stock\n\(one),7\n\(unknown),1\n", into: platform, "--update-by", "sku", "--keep-going")
        #expect(some.status == 0, "\(some.standardError)")
        #expect(try await items(platform, category).first?["stock"] == 7)
    }

    @Test func previewWritesNothing() async throws {
        let platform = try await Deployment.oneProcessOnSQLite.platform()
        let sku = uniqueName("sku")
        try await Products.asAdministrator(platform).add(["sku": .string(sku), "stock": 3])
        let command = try await load("sku,stock\n\(sku),9\n", into: platform, "--update-by", "sku", "--preview")
        #expect(command.status == 0, "\(command.standardError)")
        #expect(command.standardOutput.contains("Nothing has been written"))
        let found = try await platform.api.get(Products.path + query(["sku": sku])).json()["items"]?.arrayValue?.first
        #expect(found?["stock"] == 3)
        let taken = try await load("sku,name,price\n\(sku),A,9\n", into: platform, "--preview")
        #expect(taken.status == 2 && taken.standardError.contains("already exists"), "\(taken.standardError)")
    }

    /// A new database usually means that the folder is wrong.
    @Test(arguments: [false, true])
    func doesNotCreateADatabaseUnasked(_ onPostgres: Bool) async throws {
        let folder = try TemporaryFolder.make("nowhere")
        let variables = onPostgres ? ["DATABASE_URL": try await PostgresServer.makeDatabase()] : [:]
        let sample = "\(TestEnvironment.repository.path)/Examples/Products/products.csv"
        let arguments = ["import", "products", sample, "--data-dir", "\(folder)/data"]
        let refused = try await Command.run(TestEnvironment.binary(), arguments, variables: variables)
        #expect(refused.status == 2)
        for word in [onPostgres ? "database_url" : "\(folder)/data", "--create"] {
            #expect(refused.standardError.contains(word), "\(refused.standardError)")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/data"))
        let made = try await Command.run(TestEnvironment.binary(), arguments + ["--create"], variables: variables)
        #expect(made.status == 0 && made.standardOutput.contains("12 products"), "\(made.standardError)")
    }

    @Test func readsShopifysExport() async throws {
        let command = try await preview("shopify", ["--currency", "EUR"])
        #expect(command.status == 0, "\(command.standardError)")
        for part in [
            "3 products", "line 2: LS-S-B, Linen shirt - S / Blue, 39.00 EUR, 4 in stock",
            "line 3: LS-M-B, Linen shirt - M / Blue, 39.00 EUR, 0 in stock", "line 5: GB-1, Gift box, 9.50 EUR",
            "Rows skipped: drafts and archived products (2), images (1).",
        ] { #expect(command.standardOutput.contains(part), "\(part): \(command.standardOutput)") }
    }

    @Test func readsWooCommercesExport() async throws {
        let command = try await preview("woocommerce", [])
        #expect(command.status == 0, "\(command.standardError)")
        for part in [
            "3 products", "line 3: HOODIE-RED, Hoodie - Red, 45.00 USD, 7 in stock", "line 4: HOODIE-BLUE",
            "line 5: ALBUM, Album, 15.50 USD", "Rows skipped: parents of other rows (3), unpublished products (2).",
        ] { #expect(command.standardOutput.contains(part), "\(part): \(command.standardOutput)") }
    }

    @Test func variantsInheritDescriptionAndCategory() async throws {
        let platform = try await RunningPlatform.start(.oneProcessOnSQLite)
        let data = try #require(platform.dataFolder("martlet"))
        for preset in ["shopify", "woocommerce"] {
            let command = try await Command.martlet(
                "import", "products", fixture(preset), "--preset", preset, "--data-dir", data)
            #expect(command.status == 0, "\(command.standardError)")
        }
        let list =
            try await platform.api.get(Products.path + "?limit=100&ordering=id").json()["items"]?.arrayValue ?? []
        #expect(list.map { $0["category"] } == ["Shirts", "Shirts", "Boxes", "Hoodies", "Hoodies", "Music, Film"])
        #expect(list.first?["description"] == "Cool & light.\nWash at 30 °C.")
        #expect(list.map { $0["description"] }.suffix(3) == ["Warm.", "Warm.", "Line one\nLine two"])
        try await platform.stop()
    }

    private func fixture(_ name: String) -> String {
        "\(TestEnvironment.repository.path)/Tests/Fixtures/products/\(name).csv"
    }

    private func preview(_ preset: String, _ more: [String]) async throws -> Command {
        let folder = try TemporaryFolder.make("preset")
        return try await Command.run(
            TestEnvironment.binary(),
            ["import", "products", fixture(preset), "--preset", preset, "--preview", "--data-dir", folder] + more)
    }
}
