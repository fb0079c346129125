import MartletCore
import MartletData
import Testing

@Suite struct SearchTests {
    @Test(arguments: Store.allCases) func searchesCaseInsensitively(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE t (name TEXT)")
            for name in ["Ärger", "100% sure", "a_b", "axb", "c\\d", "Straße", "Grüße aus Köln", "ЖУК"] {
                try await database.execute("INSERT INTO t VALUES (\(name))")
            }
            try await database.execute("INSERT INTO t VALUES (NULL)")
            func found(_ text: String) async throws -> [String] {
                try await database.values(
                    String.self, "SELECT name FROM t WHERE \(database.dialect.contains(column: "name", text: text))")
            }
            #expect(try await found("ärg") == ["Ärger"])
            #expect(try await found("ÄRG") == ["Ärger"])
            #expect(try await found("жук") == ["ЖУК"])
            #expect(try await found("0%") == ["100% sure"])
            #expect(try await found("A_B") == ["a_b"])
            #expect(try await found("\\") == ["c\\d"])
            #expect(try await found("köln") == ["Grüße aus Köln"])
            #expect(try await found("nothing").isEmpty)
            #expect(try await found("").count == 8)
        }
    }

    @Test(arguments: Store.allCases) func everyWordMustMatchAColumn(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE t (name TEXT, text TEXT, sku TEXT)")
            for (name, text) in [("乌龙茶 (铁观音)", "中国"), ("乌龙茶", "台湾"), ("Ärger", "im BÜRO"), ("100%", "a_b")] {
                try await database.execute("INSERT INTO t VALUES (\(name), \(text), \(nil as String?))")
            }
            func found(_ text: String) async throws -> [String] {
                let condition = database.dialect.search(["name", "text", "sku"], for: SearchTerms.split(text))
                return try await database.values(String.self, "SELECT name FROM t WHERE \(condition)")
            }
            #expect(try await found("乌龙茶 铁观音") == ["乌龙茶 (铁观音)"])
            #expect(try await found("铁观音\u{3000}乌龙茶") == ["乌龙茶 (铁观音)"])
            #expect(try await found("中国 乌龙") == ["乌龙茶 (铁观音)"])
            #expect(try await found("büro ÄRGER") == ["Ärger"])
            #expect(try await found("乌龙茶 büro").isEmpty)
            #expect(try await found("% _") == ["100%"])
            #expect(try await found(" \t ").count == 4)
        }
    }

    @Test(arguments: Store.allCases) func sortsCaseInsensitively(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE t (id BIGINT, name TEXT)")
            let names = ["Zebra", "apple", "Äpfel", "ärger", "茶", "Banana", "жук", "ЖАР", "_", "10", "Apple", "éclair"]
            for (id, name) in names.enumerated() { try await database.execute("INSERT INTO t VALUES (\(id), \(name))") }
            let ordered = try await database.values(
                String.self, "SELECT name FROM t ORDER BY \(database.dialect.alphabetical("name")), id")
            #expect(
                ordered == [
                    "10", "_", "apple", "Apple", "Banana", "Zebra", "Äpfel", "ärger", "éclair", "ЖАР", "жук", "茶",
                ])
        }
    }

    @Test(arguments: Store.allCases) func lowercasesBeyondASCII(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let lower = database.dialect.lowercased("\("ÄRGER")")
            let text = try await database.value(String.self, "SELECT \(lower)")
            #expect(text == "ärger")
        }
    }
}
