import MartletData
import Testing

@Suite struct LocationTests {
    @Test func readsURLs() throws {
        #expect(try Database.Location(url: "sqlite:data/x.db", schema: "x") == .sqlite(path: "data/x.db"))
        #expect(try Database.Location(url: "sqlite:///data/x.db", schema: "x") == .sqlite(path: "/data/x.db"))
        #expect(try Database.Location(url: "sqlite::memory:", schema: "x") == .sqliteInMemory)
        let url = "postgres://u:p%40@db.example:5433/name?sslmode=verify-full"
        #expect(try Database.Location(url: url, schema: "x") == .postgres(url: url, schema: "x"))
    }

    @Test(arguments: [
        ("mysql://x", "x"), ("", "x"), ("sqlite:", "x"), ("postgres://u:secret@host:99x9/db", "x"),
        ("postgres://u:secret@host/db?sslmodus=on", "x"), ("postgres://u:secret@[::1/db", "x"),
        ("postgres://u:secret@host/db%zz", "x"), ("postgres://host/db", ""), ("postgres://host/db", "pg_temp"),
        ("postgres://host/db", String(repeating: "x", count: 64)),
    ])
    func rejectsInvalidURLsInOneLineWithoutSecrets(_ url: String, _ schema: String) throws {
        let error = #expect(throws: DatabaseError.self) { try Database.Location(url: url, schema: schema) }
        let message = try #require(error?.description)
        #expect(message.hasPrefix("configuration: "))
        #expect(!message.contains("\n"))
        #expect(!message.contains("secret"))
    }

    @Test func schemaCanHaveAnyName() async throws {
        let url = try environment("MARTLET_TEST_POSTGRES_URL")
        let name = "we\"ird, 'näme"
        let database = try Database(.postgres(url: url, schema: name), logger: quiet)
        try await database.migrate([Migration(1, "t") { _ in ["CREATE TABLE t (id BIGINT)"] }])
        let count = try await database.count("SELECT count(*) FROM t")
        #expect(count == 0)
        try await database.execute("DROP SCHEMA \(identifier: name) CASCADE")
        await database.close()
    }
}
