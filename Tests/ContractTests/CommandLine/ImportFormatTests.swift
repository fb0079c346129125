import Foundation
import Testing

/// Files from many sources. `--preview` shows how they are read.
@Suite(.inTurn) struct ImportFormatTests {
    private func preview(_ bytes: [UInt8], _ more: [String]) async throws -> Command {
        let folder = try TemporaryFolder.make("format")
        try Data(bytes).write(to: URL(filePath: "\(folder)/products.csv"))
        let command = try await Command.run(
            TestEnvironment.binary(),
            ["import", "products", "\(folder)/products.csv", "--preview", "--data-dir", "\(folder)/data"] + more)
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/data"), "a preview creates nothing")
        return command
    }

    private func preview(_ text: String, _ more: String...) async throws -> Command {
        try await preview(Array(text.utf8), more)
    }

    /// Files, their options, and the text that the preview must contain.
    static let files: [(name: String, text: String, options: [String], shown: [String])] = [
        (
            "semicolons", "name;price;stock\nChai;1,50;15 000\n", [],
            ["separated by ';'", "Chai, 1.50 USD, 15000 in stock"]
        ),
        ("tabs", "name\tprice\nTea, green\t2.5\n", [], ["separated by tabs", "Tea, green, 2.50 USD"]),
        ("sep=", "sep=|\r\nname|price\r\nChai|3\r\n", [], ["separated by '|'", "line 3: Chai, 3.00 USD"]),
        ("case and blanks", " Name ;PRICE\nChai;3\n", [], ["name: column 1", "Chai, 3.00 USD"]),
        ("empty rows", "name;price;;\n;;;\nChai;3;;\n ; ;;\n", [], ["1 product would", "line 3: Chai"]),
        (
            "decimal comma", "name,price\nA,\"1.234,50\"\nB,\"1.234\"\n", [],
            ["A, 1234.50", "B, 1234.00", "decimal comma"]
        ),
        ("thousands", "name,price\nA,\"1,234.50\"\nB,\"1,234\"\n", [], ["A, 1234.50", "B, 1234.00", "decimal point"]),
        ("said", "name,price\nB,\"1,234\"\n", ["--decimal", "point"], ["B, 1234.00"]),
        ("dollars", "name,price\nA,$2.50\nB,.5\n", [], ["A, 2.50 USD", "B, 0.50 USD"]),
        ("euros", "name,price\nA,\"2,50 €\"\nB,3 EUR\n", [], ["A, 2.50 EUR", "B, 3.00 EUR"]),
        ("yen", "name,price\nA,￥250\n", ["--currency", "jpy"], ["A, 250.00 JPY"]),
        ("currency", "name,price\nA,5\n", ["--currency", "EUR"], ["A, 5.00 EUR"]),
        ("no currency", "name,price\nA,5\n", [], ["new prices are in USD"]),
        ("quotes", "name,price\n12\" Vinyl,5\n\"7\" single\",3\n", [], ["12\" Vinyl, 5.00", "7\" single, 3.00"]),
        ("sheet", "name,price,stock\nA,5,39.0\n", [], ["39 in stock"]),
        (
            "commas in names", "Product, name;Unit price, net\nA;5\n",
            ["--map", "name=Product, name,price=Unit price, net"], ["name: column 1 (Product, name)", "A, 5.00"]
        ),
        (
            "quoted map", "a;\"b,name=c\";d\nA;B;5\n", ["--map", "name=\"b,name=c\"", "--map", "price=d"],
            ["name: column 2", "B, 5.00"]
        ),
        ("maps add", "a,b\nA,5\n", ["--map", "name=A", "--map", "price=B"], ["A, 5.00"]),
        ("delimiter", "name/price\nA/5\n", ["--delimiter", "/"], ["A, 5.00"]),
    ]

    @Test func readsCommonFiles() async throws {
        for (name, text, options, shown) in Self.files {
            let command = try await preview(Array(text.utf8), options)
            #expect(command.status == 0, "\(name): \(command.standardError)")
            for part in shown + ["Nothing has been written."] {
                #expect(command.standardOutput.contains(part), "\(name): \(part): \(command.standardOutput)")
            }
        }
    }

    @Test func readsOtherEncodings() async throws {
        let text = "name;price\r\n茶 Café;1,50\r\n"
        let utf16 = Array(try #require(text.data(using: .utf16LittleEndian)))
        for bytes in [[0xFF, 0xFE] + utf16, utf16] {
            let command = try await preview(bytes, [])
            #expect(command.standardOutput.contains("茶 Café, 1.50 USD"), "\(command.standardError)")
        }
        let gbk = Array("name,price\n".utf8) + [0xB2, 0xE8] + Array(",1\n".utf8)
        #expect(try await preview(gbk, ["--encoding", "gbk"]).standardOutput.contains("茶, 1.00 USD"))
        let western = Array("name,price\nCaf".utf8) + [0xE9] + Array(",1\n".utf8)
        #expect(try await preview(western, ["--encoding", "windows-1252"]).standardOutput.contains("Café, 1.00 USD"))
        // Only the owner of the file can tell which encoding is right, so both readings are shown.
        let unknown = try await preview(western, [])
        #expect(unknown.status == 2)
        for part in [":2:", "--encoding", "windows-1252 if the text is", "Café"] {
            #expect(unknown.standardError.contains(part), "\(part): \(unknown.standardError)")
        }
    }

    /// Prices are never guessed: the error names the option to set.
    static let refused: [(name: String, text: String, options: [String], said: [String])] = [
        ("ambiguous price", "name,price\nA,\"1,234\"\n", [], [":2:", "1,234", "--decimal"]),
        ("both marks", "name;price\nA;1,50\nB;1.50\n", [], ["line 2", "line 3", "--decimal"]),
        ("other mark", "name;price\nA;1,50\n", ["--decimal", "point"], ["'1,50'", "--decimal comma"]),
        ("separator", "name,price,x;name;price\n", [], ["';'", "','", "--delimiter"]),
        ("yen or yuan", "name,price\nA,¥5\n", [], ["several currencies", "--currency"]),
        ("other currency", "name,price,currency\nA,€5,USD\n", [], ["'€' is not USD"]),
        ("unknown sign", "name,price\nA,5 apples\n", [], ["column 2 (price)", "5 apples"]),
        ("control characters", "name,price\nA\u{1B}[2J,5\n", [], [#"A\u{1B}[2J"#]),
        ("two columns", "name,price,Name \nA,5,B\n", ["--map", "name=NAME"], ["2 columns", "rename"]),
        ("no column", "title,price\nA,5\n", [], ["no column for 'name'", "title, price", "--map name="]),
        (
            "mapped to nothing", "title,price\nA,5\n", ["--map", "name=titel"],
            ["no column 'titel'", "Did you mean 'title'?"]
        ),
        ("no field", "name,price\nA,5\n", ["--map", "prise=price"], ["'prise'", "Did you mean 'price'?"]),
        ("mapped twice", "a,b\nA,5\n", ["--map", "name=a", "--map", "name=b"], ["mapped twice"]),
        ("no pair", "a,b\nA,5\n", ["--map", "name"], ["--map", "field=column"]),
        ("delimiter", "name,price\n", ["--delimiter", "::"], ["--delimiter", "'::'"]),
        ("encoding", "name,price\n", ["--encoding", "klingon"], ["--encoding", "klingon"]),
        ("decimal", "name,price\n", ["--decimal", "colon"], ["--decimal", "colon"]),
        ("currency", "name,price\n", ["--currency", "euros"], ["--currency", "euros"]),
        ("preset", "name,price\n", ["--preset", "magento"], ["magento", "shopify"]),
        ("not an export", "name,price\nA,5\n", ["--preset", "shopify"], ["no column 'Handle'"]),
        ("update", "sku,stock\n,5\n", ["--update-by", "sku"], [":2:", "Required to find the product"]),
        ("update without sku", "name,price\nA,5\n", ["--update-by", "sku"], ["no column for 'sku'"]),
        ("new without price", "sku,stock\nX-1,5\n", ["--update-by", "sku"], ["X-1", "name and a price"]),
    ]

    @Test func doesNotGuess() async throws {
        for (name, text, options, said) in Self.refused {
            let command = try await preview(Array(text.utf8), options)
            #expect(command.status == 2, "\(name): \(command.standardOutput)")
            for part in said {
                #expect(command.standardError.contains(part), "\(name): \(part): \(command.standardError)")
            }
        }
    }

    @Test func limitsItsErrors() async throws {
        let text = "name,price\n" + String(repeating: "A,x\n", count: 14_761)
        let command = try await preview(text)
        #expect(command.status == 2)
        #expect(command.standardError.split(separator: "\n").count == 51)
        #expect(
            command.standardError.contains("14711 more errors, 14761 in total"),
            "\(command.standardError.suffix(200))")
    }

    /// The worst files within the size limit. MartletCSVTests bounds their cost by counting steps.
    @Test func readsHostileFilesInTime() async throws {
        let bodies = ["<", "&", "<p", "<p>", "</p>", "&amp"].map { piece in
            "a,A,\(String(repeating: piece, count: 200_000 / piece.utf8.count)),1\n"
        }
        _ = try await preview("Handle,Title,Body (HTML),Variant Price\n\(bodies.joined())", "--preset", "shopify")
        let marks = String(repeating: "\u{301}\u{316}", count: 100_000)
        for text in [
            "name,price\n\"" + String(repeating: "x", count: 900_000) + "\",1\n",
            String(repeating: "\"", count: 1_000_001),
            "name,price\n" + String(repeating: "\"a\"b,", count: 200_000), "a\(marks),name,price\nx,A,1\n",
            "name,price\na\(marks),1\n", "name,price,sku\nA,1,a\(marks)\nB,2,a\(marks)\n",
            String(repeating: "a,", count: 9_000) + "name,price\n" + String(repeating: ",", count: 1_000_000),
        ] {
            _ = try await preview(text)
        }
    }
}
