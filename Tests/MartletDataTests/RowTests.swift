import MartletCore
import MartletData
import Testing

private struct Tag: Codable, Sendable, Equatable {
    var label: String
    var sortOrder: Int
}

private enum Status: String, Codable, SQLBindable, SQLDecodable, Sendable {
    case open, paid
}

private struct Everything: Decodable, Sendable, Equatable {
    let id: ID<Everything>
    let anInt: Int
    let aBool: Bool
    let aDouble: Double
    let aText: String
    let aBlob: [UInt8]
    let createdAt: Timestamp
    let birthDate: CivilDate
    let price: Money
    let status: Status
    let extra: JSONValue
    let tags: [Tag]
    let limits: [String: Int]
    let imageURL: String?
    let noValue: Int?
}

@Suite struct RowTests {
    private func withEverything(_ store: Store, _ body: (Database, Everything) async throws -> Void) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute(
                """
                CREATE TABLE things (id \(dialect.identity), an_int BIGINT, a_bool \(dialect.boolean), \
                a_double \(dialect.double), a_text TEXT, a_blob \(dialect.blob), created_at \(dialect.timestamp), \
                birth_date \(dialect.date), price \(dialect.money), status TEXT, extra \(dialect.json), \
                tags \(dialect.json), limits \(dialect.json), image_url TEXT, no_value BIGINT)
                """)
            let thing = Everything(
                id: ID(1), anInt: .min, aBool: true, aDouble: 0.1, aText: "Ä\u{0301}😀", aBlob: [0, 255, 92, 39],
                createdAt: try #require(Timestamp("2026-11-21T00:33:26.100000Z")),
                birthDate: try #require(CivilDate("0099-02-28")), price: .maximum, status: .paid,
                extra: ["a": .number("1.50"), "b": ["x"]],
                tags: [Tag(label: "new", sortOrder: 2)], limits: ["perDay": 5], imageURL: "u", noValue: nil)
            try await database.execute(
                """
                INSERT INTO things (an_int, a_bool, a_double, a_text, a_blob, created_at, birth_date, price, status, \
                extra, tags, limits, image_url, no_value) VALUES (\(thing.anInt), \(thing.aBool), \(thing.aDouble), \
                \(thing.aText), \(thing.aBlob), \(thing.createdAt), \(thing.birthDate), \(thing.price), \
                \(thing.status), \(thing.extra), \("[{\"label\":\"new\",\"sort_order\":2}]"), \("{\"perDay\":5}"), \
                \(thing.imageURL), \(thing.noValue))
                """)
            try await body(database, thing)
        }
    }

    @Test(arguments: Store.allCases) func decodesEveryType(_ store: Store) async throws {
        try await withEverything(store) { database, thing in
            let decoded = try await database.first(Everything.self, "SELECT * FROM things")
            #expect(decoded == thing)
        }
    }

    @Test(arguments: Store.allCases) func decodesColumnsInAnyOrder(_ store: Store) async throws {
        try await withEverything(store) { database, thing in
            let sql: SQL = """
                SELECT no_value, image_url, limits, 1 AS other, tags, extra, status, price, birth_date, created_at, \
                a_blob, a_text, a_double, a_bool, an_int, id FROM things
                """
            let decoded = try await database.all(Everything.self, sql)
            #expect(decoded == [thing])
        }
    }

    @Test(arguments: Store.allCases) func readsColumnsByName(_ store: Store) async throws {
        try await withEverything(store) { database, thing in
            let row = try #require(try await database.query("SELECT * FROM things").first)
            #expect(try row["a_text", as: String.self] == thing.aText)
            #expect(try row["price", as: Money.self] == thing.price)
            #expect(try row["created_at", as: Timestamp.self] == thing.createdAt)
            #expect(try row["birth_date", as: CivilDate.self] == thing.birthDate)
            #expect(try row["a_blob", as: [UInt8].self] == thing.aBlob)
            #expect(try row["status", as: Status.self] == .paid)
            #expect(try row["no_value", as: Int?.self] == nil)
            #expect(throws: DatabaseError.decoding(column: "no_value", "NULL is not a valid Int")) {
                try row["no_value", as: Int.self]
            }
            #expect(throws: DatabaseError.self) { try row["missing", as: Int.self] }
            #expect(throws: DatabaseError.self) { try row[99, as: Int.self] }
        }
    }

    @Test(arguments: Store.allCases) func decodesSingleValues(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let five = try await database.value(Int.self, "SELECT \(5)")
            #expect(five == 5)
            #expect(try await database.value(Bool.self, "SELECT \(true)") == true)
            #expect(try await database.value(Double.self, "SELECT \(2.5)") == 2.5)
            #expect(try await database.value(Int.self, "SELECT \(nil as Int?)") == nil)
            #expect(try await database.value(Int.self, "SELECT 1 WHERE 1 = 0") == nil)
            #expect(try await database.all(Int.self, "SELECT 7") == [7])
            #expect(try await database.all(ID<Int>.self, "SELECT 7") == [ID(7)])
            #expect(try await database.exists("SELECT 1"))
            #expect(try await !database.exists("SELECT 1 WHERE 1 = 0"))
        }
    }

    @Test(arguments: Store.allCases) func sumsDecodeAsIntegers(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute("CREATE TABLE t (price \(database.dialect.money))")
            try await database.execute("INSERT INTO t VALUES (1800), (250)")
            #expect(try await database.value(Money.self, "SELECT sum(price) FROM t") == Money(minorUnits: 2050))
            #expect(try await database.all(Int.self, "SELECT sum(price) FROM t") == [2050])
        }
    }

    private struct One<Value: Decodable & Sendable>: Decodable, Sendable {
        let someValue: Value
    }

    private func refused<Value: Decodable & Sendable>(_ type: Value.Type, _ sql: SQL, _ database: Database) async {
        let error = await #expect(throws: DatabaseError.self) { try await database.all(One<Value>.self, sql) }
        guard case .decoding(column: "some_value", _) = error else {
            Issue.record("not a decoding error of the column: \(String(describing: error))")
            return
        }
    }

    @Test(arguments: Store.allCases) func reportsTheColumnOfEveryMismatch(_ store: Store) async throws {
        try await withDatabase(store) { database in
            await refused(Int.self, "SELECT 'x' AS some_value", database)
            await refused(String.self, "SELECT 1 AS some_value", database)
            await refused(Int8.self, "SELECT 300 AS some_value", database)
            await refused(UInt.self, "SELECT -1 AS some_value", database)
            await refused(Int.self, "SELECT NULL AS some_value", database)
            await refused(Bool.self, "SELECT 2 AS some_value", database)
            await refused(Double.self, "SELECT 'x' AS some_value", database)
            await refused(Timestamp.self, "SELECT 'yesterday' AS some_value", database)
            await refused(CivilDate.self, "SELECT '2026-02-30' AS some_value", database)
            await refused(Money.self, "SELECT -1 AS some_value", database)
            await refused(ID<Int>.self, "SELECT 'x' AS some_value", database)
            await refused(Status.self, "SELECT 'lost' AS some_value", database)
            await refused(JSONValue.self, "SELECT '{' AS some_value", database)
            await refused([Tag].self, "SELECT '{}' AS some_value", database)
            await refused(Tag.self, "SELECT '{\"label\":\"x\"}' AS some_value", database)
            await refused(Int?.self, "SELECT 1 AS other_value", database)
        }
    }

    @Test(arguments: Store.allCases) func timestampsSortAndGroupByDay(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute("CREATE TABLE t (at \(dialect.timestamp))")
            for text in ["2026-11-21T23:59:59.999999Z", "2026-11-20T00:00:00Z", "2026-11-21T01:00:00+02:00"] {
                try await database.execute("INSERT INTO t VALUES (\(try #require(Timestamp(text))))")
            }
            let days = try await database.values(
                CivilDate.self, "SELECT \(dialect.day(of: "at")) FROM t ORDER BY at")
            #expect(days.map(\.description) == ["2026-11-20", "2026-11-20", "2026-11-21"])
            let hours = try await database.values(
                Timestamp.self, "SELECT \(dialect.hour(of: "at")) FROM t ORDER BY at DESC")
            #expect(hours.first?.description == "2026-11-21T23:00:00.000000Z")
        }
    }
}
