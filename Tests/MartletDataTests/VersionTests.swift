import MartletCore
import MartletData
import Testing

@Suite struct VersionTests {
    @Test(arguments: Store.allCases) func versionsDoNotGoBackWithTheClock(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let type = database.dialect.timestamp
            try await database.execute("CREATE TABLE t (id BIGINT, updated_at \(type) NOT NULL)")
            let start = try #require(Timestamp("2026-11-27T12:00:00.999999Z"))
            try await database.execute("INSERT INTO t VALUES (1, \(start))")
            func version(at now: Timestamp) async throws -> Timestamp? {
                try await database.value(
                    Timestamp.self,
                    """
                    UPDATE t SET updated_at = \(database.dialect.nextVersion(of: "updated_at", at: now))
                    RETURNING updated_at
                    """)
            }
            let later = start.advanced(bySeconds: 60)
            #expect(try await version(at: start.advanced(bySeconds: -3600)) == Timestamp("2026-11-27T12:00:01Z"))
            #expect(try await version(at: start) == Timestamp("2026-11-27T12:00:01.000001Z"))
            #expect(try await version(at: later) == later)
        }
    }
}
