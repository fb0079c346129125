import MartletCore
import Testing

@testable import MartletData

private struct Label: Codable, Sendable, Equatable {
    var text: String
    var sortOrder: Int
}

private enum Status: String, Codable, SQLBindable, SQLDecodable, Sendable { case open, paid }

/// Codable only: it encodes as a single text.
private enum Size: String, Codable, Sendable { case small, large }

/// Has a property of every kind that a column holds.
private struct Everything: Codable, Sendable, Equatable {
    var id: ID<Everything>
    var count: Int
    var small: Int8
    var large: UInt32
    var isDone: Bool
    var weight: Double
    var height: Float
    var text: String
    var blob: [UInt8]
    var createdAt: Timestamp
    var birthDate: CivilDate
    var price: Money
    var status: Status
    var size: Size
    var extra: JSONValue
    var label: Label
    var labels: [Label]
    var limits: [String: Int]
    var noText: String?
    var noCount: Int?
    var noLarge: Int64?
    var noWeight: Double?
    var noFlag: Bool?
    var noPrice: Money?
    var noStatus: Status?
    var noLabels: [Label]?
}

private struct Note: Codable, Sendable, Equatable {
    var title: String
    var isDone = false
    var price: Money?
}

private struct Hostile: Encodable {
    let value = 1
    let name: String

    struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        /// Closed: the names are this program's.
        init?(stringValue: String) { nil }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(value, forKey: Key(name))
    }
}

@Suite struct ColumnValuesTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func code(_ body: () throws -> SQL) -> String? {
        do {
            _ = try body()
            return nil
        } catch DatabaseError.other(let code, _) {
            return code
        } catch {
            return "\(error)"
        }
    }

    @Test func namesAndBindsEveryProperty() throws {
        let note = Note(title: "Buy tea", price: nil)
        let insertion: SQL = try "INSERT INTO notes \(values: note, with: ["owner": 7], stamped: now) RETURNING id"
        #expect(
            insertion.description
                == #"INSERT INTO notes ("title", "is_done", "price", "owner", "created_at", "updated_at") "#
                + "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id")
        #expect(
            insertion.values == [
                .text("Buy tea"), .bool(false), .null, .int(7), now.sqlValue, now.sqlValue,
            ])
        let update: SQL = try "UPDATE notes SET \(set: note, with: ["owner": 7]), updated_at = \(now) WHERE id = \(3)"
        #expect(
            update.description
                == #"UPDATE notes SET "title" = $1, "is_done" = $2, "price" = $3, "owner" = $4, "#
                + "updated_at = $5 WHERE id = $6")
        let rows: SQL = try "INSERT INTO notes \(rows: [note, note], with: ["owner": 7]) ON CONFLICT DO NOTHING"
        #expect(
            rows.description
                == #"INSERT INTO notes ("title", "is_done", "price", "owner") "#
                + "VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) ON CONFLICT DO NOTHING")
        let row = try ColumnValues(of: note)
        let upsert: SQL = try "INSERT INTO notes \(rows: [row, row]) ON CONFLICT (title) DO UPDATE SET \(excluded: row)"
        #expect(
            upsert.description
                == #"INSERT INTO notes ("title", "is_done", "price") VALUES ($1, $2, $3), ($4, $5, $6) "#
                + #"ON CONFLICT (title) DO UPDATE SET "title" = excluded."title", "is_done" = excluded."is_done", "#
                + #""price" = excluded."price""#)
    }

    @Test(arguments: Store.allCases) func storesWhatIsReadBack(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute(
                """
                CREATE TABLE things (id \(dialect.identity), count BIGINT, small BIGINT, large BIGINT, \
                is_done \(dialect.boolean), weight \(dialect.double), height \(dialect.double), text TEXT, \
                blob \(dialect.blob), created_at \(dialect.timestamp), birth_date \(dialect.date), \
                price \(dialect.money), status TEXT, size TEXT, extra \(dialect.json), label \(dialect.json), \
                labels \(dialect.json), limits \(dialect.json), no_text TEXT, no_count BIGINT, no_large BIGINT, \
                no_weight \(dialect.double), no_flag \(dialect.boolean), no_price \(dialect.money), no_status TEXT, \
                no_labels \(dialect.json))
                """)
            let label = Label(text: "new \"é\"", sortOrder: 2)
            var thing = Everything(
                id: ID(1), count: .min, small: -128, large: .max, isDone: true, weight: 0.1, height: 0.5,
                text: "'; DROP TABLE things; -- 😀", blob: [0, 255, 92, 39],
                createdAt: try #require(Timestamp("2026-11-21T00:33:26.100000Z")),
                birthDate: try #require(CivilDate("0099-02-28")), price: .maximum, status: .paid, size: .large,
                extra: ["a": .number("1.50"), "b": ["x"]], label: label, labels: [label, label],
                limits: ["perDay": 5])
            let written = try await database.one(
                Everything.self, "INSERT INTO things \(values: thing) RETURNING *")
            #expect(written == thing)
            #expect(try await database.value(String.self, "SELECT size FROM things") == "large")
            #expect(
                try await database.value(String.self, "SELECT label FROM things")
                    == #"{"text":"new \"é\"","sort_order":2}"#)
            #expect(try await database.count("SELECT count(*) FROM things WHERE no_labels IS NULL") == 1)

            thing.labels = []
            thing.noLarge = 3
            thing.noStatus = .open
            thing.noLabels = [label]
            let changed = try await database.one(
                Everything.self, "UPDATE things SET \(set: thing) WHERE id = \(1) RETURNING *")
            #expect(changed == thing)
        }
    }

    @Test(arguments: Store.allCases) func writesManyRowsAndReplacesThem(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.execute(
                "CREATE TABLE notes (title TEXT PRIMARY KEY, is_done BOOLEAN NOT NULL, price BIGINT)")
            let notes = (0..<1201).map { Note(title: "N\($0)") }
            for batch in notes.batches(of: 500) { try await database.execute("INSERT INTO notes \(rows: batch)") }
            #expect(try await database.all(Note.self, "SELECT * FROM notes").count == 1201)
            let rows = try notes.prefix(500).map { note in
                try ColumnValues(of: note).with(["is_done": true, "price": Money(minorUnits: 5)])
            }
            let first = try #require(rows.first)
            try await database.execute(
                "INSERT INTO notes \(rows: rows) ON CONFLICT (title) DO UPDATE SET \(excluded: first)")
            #expect(try await database.count("SELECT count(*) FROM notes WHERE is_done = \(true) AND price = 5") == 500)
            #expect(try await database.count("SELECT count(*) FROM notes") == 1201)
        }
    }

    @Test func quotesEveryName() throws {
        let sql: SQL = try "UPDATE t SET \(set: Hostile(name: #"a" = 1; drop table t; --"#))"
        #expect(sql.description == #"UPDATE t SET "a"" = 1; drop table t; --" = $1"#)
        #expect(sql.values == [.int(1)])
        for name in ["", "a\0b", String(repeating: "a", count: 64)] {
            #expect(code { try "SET \(set: Hostile(name: name))" } == "invalid_columns")
            #expect(code { try "INSERT \(values: Hostile(name: name))" } == "invalid_columns")
        }
    }

    @Test func refusesWhatIsNoSetOfColumns() throws {
        struct Nothing: Encodable {}
        struct ByHand: Encodable {
            enum CodingKeys: CodingKey { case inner }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                var inner = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .inner)
                try inner.encode(1, forKey: .inner)
            }
        }
        let note = Note(title: "a")
        let refused: [() throws -> SQL] = [
            { try "\(set: Nothing())" }, { try "\(values: Nothing())" }, { try "\(values: [:] as ColumnValues)" },
            { try "\(rows: [Note]())" }, { try "\(rows: [ColumnValues]())" }, { try "\(excluded: [:])" },
            // The keys of a dictionary may be a client's.
            { try "\(set: ["title": "a"] as [String: String])" },
            { try "\(values: ["title": "a"] as [String: String])" },
            { try "\(set: [1, 2])" }, { try "\(set: 1)" }, { try "\(set: "title")" }, { try "\(set: ByHand())" },
            { try "\(set: note, with: ["title": "b"])" },
            { try "\(values: note, with: ["created_at": 1], stamped: Timestamp(microseconds: 0))" },
            { try "\(rows: [["a": 1], ["b": 1]] as [ColumnValues])" },
        ]
        for (index, sql) in refused.enumerated() { #expect(code(sql) == "invalid_columns", "\(index)") }
    }

    @Test func refusesRowsOfDifferentColumns() throws {
        struct Sparse: Encodable {
            let names: [String]
            func encode(to encoder: any Encoder) throws {
                for name in names { try Hostile(name: name).encode(to: encoder) }
            }
        }
        #expect(code { try "\(rows: [Sparse(names: ["a", "b"]), Sparse(names: ["a", "b"])])" } == nil)
        for other in [["a"], ["b", "a"], ["a", "b", "c"], []] {
            #expect(
                code { try "\(rows: [Sparse(names: ["a", "b"]), Sparse(names: other)])" } == "invalid_columns",
                "\(other)")
        }
    }

    @Test func refusesNumbersThatNoColumnHolds() throws {
        struct Large: Encodable { let value: UInt64 }
        #expect(code { try "\(set: Large(value: .max))" } == "invalid_parameter")
        #expect(code { try "\(set: Large(value: UInt64(Int64.max)))" } == nil)
    }

    @Test func laysColumnsOverOthers() throws {
        let stored: ColumnValues = ["id": 1, "name": "\u{E9}", "price": 5]
        #expect(stored.only(["price", "name", "unknown"]).names == ["name", "price"])
        let laid = stored.with(["price": 6, "stock": 1])
        #expect(laid.names == ["id", "name", "price", "stock"])
        #expect(laid["price"] == .int(6) && laid["id"] == .int(1) && laid["unknown"] == nil)
        #expect(stored.contains(["price": 5]) && stored.contains([:]))
        #expect(!stored.contains(["price": 6]) && !stored.contains(["stock": 1]))
        // Canonically equal, and other bytes.
        #expect(stored.contains(["name": "\u{E9}"]) && !stored.contains(["name": "e\u{301}"]))
    }

    /// A statement of many rows costs its values: names are worked out once, and the text is written once.
    @Test func aRowCostsItsValuesOnly() throws {
        let encoder = ColumnEncoder()
        let notes = (0..<500).map { Note(title: "N\($0)", price: .zero) }
        for note in notes { #expect(try encoder.values(of: note).count == 3) }
        #expect(encoder.conversions == 3)

        let half: SQL = try "INSERT INTO notes \(rows: notes.prefix(250))"
        let whole: SQL = try "INSERT INTO notes \(rows: notes)"
        #expect(whole.values.count == 1500 && half.values.count == 750)
        // `($1234, $1235, $1236), `: 24 bytes a row at the most.
        #expect(whole.text.count - half.text.count <= 250 * 24)
    }
}
