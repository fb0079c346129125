import MartletCore
import MartletData
import Testing

private let migrations = [
    Migration(1, "create products") { dialect in
        ["CREATE TABLE products (id \(dialect.identity), name TEXT NOT NULL)"]
    },
    Migration(2, "first products") { _ in
        ["INSERT INTO products (name) VALUES ('Chai')", "INSERT INTO products (name) VALUES ('Chang')"]
    },
]

@Suite struct MigrationTests {
    @Test(arguments: Store.allCases) func runOnceWithEightMigratorsAtOnce(_ store: Store) async throws {
        try await withLocation(store) { location in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let database = try Database(location, logger: quiet)
                        try await database.migrate(migrations)
                        await database.close()
                    }
                }
                try await group.waitForAll()
            }
            let database = try Database(location, logger: quiet)
            #expect(try await database.count("SELECT count(*) FROM products") == 2)
            #expect(try await database.values(Int.self, "SELECT version FROM schema_migrations ORDER BY 1") == [1, 2])
            await database.close()
        }
    }

    @Test(arguments: Store.allCases) func runOnlyTheMissingOnes(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.migrate(Array(migrations.prefix(1)))
            try await database.migrate(migrations)
            #expect(try await database.count("SELECT count(*) FROM products") == 2)
        }
    }

    @Test(arguments: Store.allCases) func refuseANewerDatabase(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.migrate(migrations)
            for known in [Array(migrations.prefix(1)), []] {
                let error = await #expect(throws: DatabaseError.self) { try await database.migrate(known) }
                #expect(error?.description.contains("version 2") == true)
            }
        }
    }

    @Test(arguments: Store.allCases) func failedMigrationLeavesNothingBehind(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let broken = Migration(3, "break") { _ in
                ["CREATE TABLE half (id BIGINT)", "CREATE TABLE half (id BIGINT)"]
            }
            let error = await #expect(throws: DatabaseError.self) { try await database.migrate(migrations + [broken]) }
            #expect(error?.description.contains("version 3 (break)") == true)
            let version = try await database.value(Int.self, "SELECT max(version) FROM schema_migrations")
            #expect(version == 2)
            await #expect(throws: DatabaseError.self) { try await database.query("SELECT * FROM half") }
        }
    }

    @Test(arguments: Store.allCases) func versionsMustIncrease(_ store: Store) async throws {
        try await withDatabase(store) { database in
            for versions in [[2, 1], [1, 1], [0]] {
                await #expect(throws: DatabaseError.self) {
                    try await database.migrate(versions.map { Migration($0, "x") { _ in [] } })
                }
            }
        }
    }

    @Test(arguments: Store.allCases) func tracksHaveVersionsOfTheirOwn(_ store: Store) async throws {
        try await withDatabase(store) { database in
            try await database.migrate(migrations)
            let other = [Migration(1, "notes") { _ in ["CREATE TABLE notes (id BIGINT)"] }]
            for _ in 1...2 { try await database.migrate(other, track: "other") }
            try await database.migrate(migrations)
            #expect(try await database.count("SELECT count(*) FROM schema_migrations") == 3)
            await #expect(throws: DatabaseError.self) { try await database.migrate([], track: "other") }
        }
    }

    @Test(arguments: Store.allCases) func tableOfTheFirstReleaseGetsTracks(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let type = database.dialect.timestamp
            try await database.execute("DROP TABLE schema_migrations")
            try await database.execute(
                """
                CREATE TABLE schema_migrations
                (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at \(type) NOT NULL)
                """)
            try await database.execute(
                "INSERT INTO schema_migrations VALUES (1, 'create products', \(WallClock.system.now))")
            try await database.execute("CREATE TABLE products (id \(database.dialect.identity), name TEXT NOT NULL)")
            try await database.migrate(migrations)
            #expect(try await database.count("SELECT count(*) FROM products") == 2)
            #expect(
                try await database.values(String.self, "SELECT track FROM schema_migrations") == ["service", "service"])
        }
    }
}
