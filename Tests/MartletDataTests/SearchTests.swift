import MartletCore
import MartletData
import Testing

@Suite struct SearchTests {
    @Test(arguments: Store.allCases) func searchesWithoutRegardToCase(_ store: Store) async throws {
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

    @Test(arguments: Store.allCases) func lowercasesBeyondASCII(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let lower = database.dialect.lowercased("\("ÄRGER")")
            let text = try await database.value(String.self, "SELECT \(lower)")
            #expect(text == "ärger")
        }
    }
}
