import MartletCore
import MartletData
import Testing

@Suite struct SQLTests {
    @Test func numbersParametersInOrder() {
        let sql: SQL = "SELECT * FROM t WHERE a = \(1) AND b = \("x")"
        #expect(sql.description == "SELECT * FROM t WHERE a = $1 AND b = $2")
    }

    @Test func renumbersNestedStatements() {
        let inner: SQL = "b = \(2) OR c = \(3)"
        let sql: SQL = "a = \(1) AND (\(inner)) AND d = \(4) AND (\(inner))"
        #expect(sql.description == "a = $1 AND (b = $2 OR c = $3) AND d = $4 AND (b = $5 OR c = $6)")
        let deeper: SQL = "x = \(0) AND \(sql)"
        #expect(
            deeper.description == "x = $1 AND a = $2 AND (b = $3 OR c = $4) AND d = $5 AND (b = $6 OR c = $7)")
    }

    @Test func renumbersPastNine() {
        let many = (0..<12).map { "\($0)" as SQL }.joined(separator: ", ")
        #expect((many + ", " + many).description.hasSuffix("$22, $23, $24"))
    }

    @Test func quotesIdentifiers() {
        let sql: SQL = "SELECT \(identifier: "na\"me; DROP TABLE t")"
        #expect(sql.description == #"SELECT "na""me; DROP TABLE t""#)
        let invalid: SQL = "\(identifier: "a\0b")"
        #expect(invalid.description == #""invalid identifier""#)
    }

    @Test func joinsParts() {
        let parts: [SQL] = ["a = \(1)", "b = \(2)"]
        #expect(parts.joined(separator: " AND ").description == "a = $1 AND b = $2")
        #expect([SQL]().joined(separator: ", ").isEmpty)
    }

    @Test(arguments: Store.allCases) func bindsHostileTexts(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE notes (text TEXT NOT NULL)")
            let hostile = [
                "'; DROP TABLE notes; --", "$1", "?", "\\", "%_", "\"", "a\nb\r\t", "😀é\u{301}", "", "Robert'); --",
            ]
            for text in hostile { try await database.execute("INSERT INTO notes VALUES (\(text))") }
            #expect(try await database.values(String.self, "SELECT text FROM notes").sorted() == hostile.sorted())
            for text in hostile {
                #expect(try await database.count("SELECT count(*) FROM notes WHERE text = \(text)") == 1)
            }
        }
    }

    @Test(arguments: Store.allCases) func emptyListMatchesNothing(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE t (id BIGINT, name TEXT)")
            try await database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
            #expect(try await database.count("SELECT count(*) FROM t WHERE id IN \(list: [Int]())") == 0)
            #expect(try await database.count("SELECT count(*) FROM t WHERE id NOT IN \(list: [Int]())") == 2)
            #expect(try await database.count("SELECT count(*) FROM t WHERE name NOT IN \(list: [String]())") == 2)
            #expect(try await database.count("SELECT count(*) FROM t WHERE id IN \(list: [2, 3])") == 1)
        }
    }

    @Test(arguments: Store.allCases) func rejectsNULInTexts(_ store: Store) async throws {
        try await withDatabase(store) { database in
            await #expect(throws: DatabaseError.self) {
                try await database.query("SELECT \("a\0b")")
            }
        }
    }

    @Test func refusesTooManyParameters() async throws {
        try await withDatabase(.postgres) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.query("SELECT 1 WHERE 1 IN \(list: Array(0..<65_536))")
            }
            #expect(error?.description.contains("65535") == true)
            let count = try await database.count("SELECT count(*) WHERE 65534 IN \(list: Array(0..<65_535))")
            #expect(count == 1)
        }
    }
}
