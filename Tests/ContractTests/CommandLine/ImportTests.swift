import Foundation
import MartletCore
import MartletTesting
import Testing

/// `martlet import products`, into the database of a running platform.
@Suite(.inTurn) struct ImportTests {
    /// The location of a platform's catalog.
    private func target(_ platform: RunningPlatform) throws -> (arguments: [String], variables: [String: String]) {
        let part = platform.part(of: "catalog")
        let data = try #require(platform.dataFolder(part))
        return (["--data-dir", data], platform.databaseURL.map { ["DATABASE_URL": $0] } ?? [:])
    }

    private func load(
        _ csv: [UInt8], into platform: RunningPlatform, _ more: String..., name: String = "products.csv"
    ) async throws -> Command {
        let path = "\(try TemporaryFolder.make("csv"))/\(name)"
        try Data(csv).write(to: URL(filePath: path))
        let (arguments, variables) = try target(platform)
        return try await Command.run(
            TestEnvironment.binary(), ["import", "products", path] + more + arguments, variables: variables)
    }

    private func load(_ csv: String, into platform: RunningPlatform, name: String = "products.csv") async throws
        -> Command
    {
        try await load(Array(csv.utf8), into: platform, name: name)
    }

    private func items(_ platform: RunningPlatform, _ category: String) async throws -> [JSONValue] {
        try await platform.api.get(Products.path + query(["category": category, "ordering": "id", "limit": "100"]))
            .json()["items"]?.arrayValue ?? []
    }

    @Test(arguments: Deployment.allCases)
    func readsQuotesLineEndingsAndByteOrderMarks(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let category = uniqueName("csv")
        let sku = uniqueName("sku")
        let csv =
            "\u{FEFF}name,sku,price,currency,description,category,stock\r\n"
            + "Chai,\(sku),18.00,EUR,\"two\nlines, and a comma\",\(category),39\r\n"
            + "\"12\"\" \"\"Vinyl\"\"\",,0.5,,,\(category),\r\n"
            + "茶 Tee,,1e2,USD,\"a\r\nb\",\(category),1"
        let command = try await load(csv, into: platform)
        #expect(command.status == 0, "\(command.standardError)")
        let products = try await items(platform, category)
        #expect(products.map { $0["name"] } == ["Chai", #"12" "Vinyl""#, "茶 Tee"])
        #expect(products.map { $0["price"] } == [.number("18.00"), .number("0.50"), .number("100.00")])
        #expect(products.map { $0["stock"] } == [39, 0, 1])
        #expect(products.map { $0["currency"] } == ["EUR", "USD", "USD"])
        #expect(products.first?["sku"] == .string(sku))
        #expect(products.dropFirst().first?["sku"] == .null)
        #expect(products.first?["description"] == "two\nlines, and a comma")
        #expect(command.standardOutput.contains("3"))
    }

    @Test(arguments: Deployment.allCases)
    func loadsAllOrNothingAndReportsEveryInvalidValue(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let category = uniqueName("csv")
        let csv = """
            name,price,stock,category
            Good,1.00,1,\(category)
            Bad price,che\u{1B}[2Jap,1,\(category)
            "Two
            lines",-1,many,\(category)
            Short,1

            Last,0.001,1,\(category)
            """
        let command = try await load(csv, into: platform)
        #expect(command.status == 2 || command.status == 1, "\(command.status)")
        let said = command.standardError.split(separator: "\n")
        let expected = [
            ["products.csv:3", "price", #"che\u{1B}[2Jap"#], ["products.csv:4", "price", "-1"],
            ["products.csv:4", "stock", "many"],
            ["products.csv:6"], ["products.csv:8", "price", "0.001"],
        ]
        #expect(said.count == expected.count, "\(command.standardError)")
        for words in expected {
            #expect(
                said.contains { line in words.allSatisfy { line.contains($0) } }, "\(words): \(command.standardError)")
        }
        #expect(try await items(platform, category).isEmpty)
    }

    @Test(arguments: Deployment.allCases)
    func refusesATakenSKU(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let category = uniqueName("csv")
        let sku = uniqueName("sku")
        try await Products.asAdministrator(platform).add(["sku": .string(sku)])
        let taken = try await load(
            "name,price,category,sku\nA,1,\(category),\nB,2,\(category),\(sku)\n", into: platform)
        #expect(taken.status != 0)
        #expect(
            taken.standardError.contains(sku) && taken.standardError.contains("products.csv:3"),
            "\(taken.standardError)")
        let other = uniqueName("sku")
        let twice = try await load(
            "name,price,category,sku\nA,1,\(category),\(other)\nB,2,\(category),\(other)\n", into: platform)
        #expect(twice.status != 0)
        #expect(twice.standardError.contains("products.csv:3"), "\(twice.standardError)")
        #expect(try await items(platform, category).isEmpty)
    }

    @Test func rejectsMissingFiles() async throws {
        let platform = try await Deployment.oneProcessOnSQLite.platform()
        let files: [(String, [UInt8], String)] = [
            ("empty", [], "empty.csv"), ("header", Array("title,cost\nA,1\n".utf8), "name"),
            ("quote", Array("name,price\n\"A,1\n".utf8), "quote.csv:2"),
            ("text", Array("name,price\n\"A,1\n\"B\",2\n".utf8), "text.csv:2"),
            ("latin1", Array("name,price\nCaf".utf8) + [0xE9] + Array(",1\n".utf8), "latin1.csv:2"),
            ("zip", [0x50, 0x4B, 0x03, 0x04, 0x00, 0xFF], "zip.csv"),
        ]
        for (name, bytes, word) in files {
            let command = try await load(bytes, into: platform, name: "\(name).csv")
            #expect(command.status == 2, "\(name): \(command.standardError)")
            #expect(command.standardError.split(separator: "\n").count == 1, "\(name): \(command.standardError)")
            #expect(command.standardError.contains(word), "\(name): \(command.standardError)")
        }
        let missing = try await Command.martlet("import", "products", "/nowhere/products.csv")
        #expect(missing.status == 2 && missing.standardError.contains("/nowhere/products.csv"))
        let mapped = try await load(Array("name,price\nA,1\n".utf8), into: platform, "--map", "colour=x")
        #expect(mapped.status == 2 && mapped.standardError.contains("colour"))
        let absent = try await load(Array("name,price\nA,1\n".utf8), into: platform, "--map", "price=cost")
        #expect(absent.status == 2 && absent.standardError.contains("cost"))
    }

    /// The Northwind catalog, or a file of the same shape if it is not available.
    @Test(arguments: Deployment.allCases)
    func importsAnExportOfAnotherShop(_ deployment: Deployment) async throws {
        let platform = try await RunningPlatform.start(deployment)
        let path = TestEnvironment.repository.deletingLastPathComponent().appending(
            path: "shared/data/northwind/products.csv"
        ).path
        let csv = FileManager.default.contents(atPath: path).map(Array.init) ?? likeNorthwind
        let command = try await load(
            csv, into: platform, "--map", "name=productName,price=unitPrice,stock=unitsInStock")
        #expect(command.status == 0, "\(command.standardError)")
        #expect(command.standardOutput.contains("77"))
        let list = try await platform.api.get(Products.path + "?limit=100&ordering=id").json()
        #expect(list["total"] == 77)
        let chai = try #require(list["items"]?.arrayValue?.first)
        #expect(chai["name"] == "Chai")
        #expect(chai["price"] == .number("18.00"))
        #expect(chai["stock"] == 39)
        try await platform.stop()
    }

    private var likeNorthwind: [UInt8] {
        let header =
            "productID,productName,supplierID,categoryID,quantityPerUnit,unitPrice,"
            + "unitsInStock,unitsOnOrder,reorderLevel,discontinued"
        let rows = (1...77).map {
            $0 == 1
                ? "1,Chai,1,1,10 boxes x 20 bags,18.00,39,0,10,0"
                : "\($0),\"Tea, No. \($0)\",1,1,1 box,\($0).50,\($0),0,0,0"
        }
        return Array(([header] + rows).joined(separator: "\r\n").utf8)
    }
}
