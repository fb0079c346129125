import MartletCore
import Testing

@testable import MartletData

private enum Colour: String, CaseIterable, Scalar, SQLBindable {
    case red, green
    static let placeholder = Colour.red
}

private struct Plain: Model, Equatable {
    let id: ID<Plain>
    let name: String
    let nickName: String?
    let price: Money
    let weight: Double
    let isGood: Bool
    let colour: Colour
    let madeOn: CivilDate
    let createdAt: Timestamp

    static let table = "things"
    static let rules = Rules { Rule(CodingKeys.name, "The name.", list: [.search, .filter, .order]) }
}

private struct Nested: Model {
    let id: ID<Nested>
    let name: [String]

    static let table = "nested"
    static let rules = Rules.none
}

/// A model that hides part of its row.
private struct Masked: Model {
    let id: ID<Masked>
    let name: String

    static let table = "things"
    static let rules = Rules.none

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(String(name.prefix(1)), forKey: .name)
    }
}

@Suite struct RowPageTests {
    private func withThings(_ store: Store, _ body: (Database) async throws -> Void) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute(
                """
                CREATE TABLE things (id \(dialect.identity), name TEXT, nick_name TEXT, price \(dialect.money), \
                weight \(dialect.double), is_good \(dialect.boolean), colour TEXT, made_on \(dialect.date), \
                created_at \(dialect.timestamp))
                """)
            let date = try #require(CivilDate("2024-02-29"))
            let time = try #require(Timestamp("2026-11-21T00:33:26.120000Z"))
            for (name, nickName, isGood) in [("Ä\u{0301}😀 \"x\" \\ \n\u{1}", "n", true), ("", nil, false)] {
                try await database.execute(
                    """
                    INSERT INTO things (name, nick_name, price, weight, is_good, colour, made_on, created_at) VALUES \
                    (\(name), \(nickName as String?), \(Money.maximum), \(0.1), \(isGood), \(Colour.green), \(date), \(time))
                    """)
            }
            try await body(database)
        }
    }

    private func query<Row: Model>(_ row: Row.Type) throws -> ListQuery<Row> { try ListContract<Row>().read([]) }

    @Test(arguments: Store.allCases) func writesPlainRowsAsJSON(_ store: Store) async throws {
        #expect(RowFormat(Plain.self) != nil)
        try await withThings(store) { database in
            let page = try await database.page(query(Plain.self))
            let usual = Page(items: try page.items, total: 2, skip: 0, limit: 20)
            #expect(usual.items.count == 2)
            let expected = try JSONWriter.bytes(of: usual)
            #expect(String(decoding: try page.json(), as: UTF8.self) == String(decoding: expected, as: UTF8.self))
        }
    }

    @Test(arguments: Store.allCases) func writesLargePagesOffTheEventLoop(_ store: Store) async throws {
        try await withThings(store) { database in
            #expect(try await database.page(query(Plain.self)).prepared == nil)
            let name = String(repeating: "\"", count: 40_000)
            try await database.execute("UPDATE things SET name = \(name) WHERE id = 2")
            let page = try await database.page(query(Plain.self))
            let expected = try JSONWriter.bytes(of: Page(items: try page.items, total: 2, skip: 0, limit: 20))
            #expect(page.prepared == expected)
            #expect(try page.json() == expected)
        }
    }

    @Test(arguments: Store.allCases) func customEncodingAppliesInPages(_ store: Store) async throws {
        #expect(RowFormat(Masked.self) == nil)
        #expect(RowFormat(Nested.self) == nil)
        try await withThings(store) { database in
            let json = String(decoding: try await database.page(query(Masked.self)).json(), as: UTF8.self)
            #expect(json.hasPrefix(#"{"items":[{"id":1,"name":"Ä́"},{"id":2,"name":""}],"total":2,"#))
        }
    }

    @Test(arguments: Store.allCases) func valueOfAnotherTypeIsAnError(_ store: Store) async throws {
        try await withThings(store) { database in
            try await database.execute("UPDATE things SET price = NULL WHERE id = 2")
            let page = try await database.page(query(Plain.self))
            let error = #expect(throws: DatabaseError.self) { try page.json() }
            guard case .decoding(column: "price", _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }
}
