import MartletCore
import MartletData
import MartletTesting
import Testing

private struct Stop: Error {}

@Suite struct TransactionTests {
    private func withStock(
        _ store: Store, _ amount: Int, options: Database.Options = .init(), _ body: (Database) async throws -> Void
    ) async throws {
        try await withDatabase(store, options: options) { database in
            try await database.execute("CREATE TABLE stock (id BIGINT PRIMARY KEY, amount BIGINT NOT NULL)")
            try await database.execute("INSERT INTO stock VALUES (1, \(amount))")
            try await body(database)
        }
    }

    private func amount(_ database: any Queryable) async throws -> Int? {
        try await database.value(Int.self, "SELECT amount FROM stock WHERE id = 1")
    }

    private func expectAmount(
        _ expected: Int, _ database: any Queryable, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await amount(database)
        #expect(found == expected, sourceLocation: location)
    }

    @Test(arguments: Store.allCases) func commitsWhenTheBodyReturns(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            let seen = try await database.transaction { connection in
                #expect(try await connection.execute("UPDATE stock SET amount = amount - 1 WHERE id = 1") == 1)
                return try await amount(connection)
            }
            #expect(seen == 4)
            try await expectAmount(4, database)
        }
    }

    @Test(arguments: Store.allCases) func actionsRunAfterTheCommitOnly(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            let seen = Shared<[String]>([])
            try await database.transaction { connection in
                connection.afterCommit { seen.change { $0.append("first") } }
                connection.afterCommit { seen.change { $0.append("second") } }
                try await connection.execute("UPDATE stock SET amount = 4")
                #expect(seen.value.isEmpty)
            }
            #expect(seen.value == ["first", "second"])
            await #expect(throws: Stop.self) {
                try await database.transaction { connection in
                    connection.afterCommit { seen.change { $0.append("never") } }
                    throw Stop()
                }
            }
            #expect(seen.value == ["first", "second"])
        }
    }

    @Test(arguments: Store.allCases) func rollsBackWhenTheBodyThrows(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            await #expect(throws: Stop.self) {
                try await database.transaction { connection in
                    try await connection.execute("UPDATE stock SET amount = 0")
                    throw Stop()
                }
            }
            try await expectAmount(5, database)
        }
    }

    @Test(arguments: Store.allCases) func rollsBackWhenTheTaskIsCancelled(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            let updated = Gate()
            let task = Task {
                try await database.transaction { connection in
                    try await connection.execute("UPDATE stock SET amount = 0")
                    await updated.open()
                    while !Task.isCancelled { await Task.yield() }
                }
            }
            await updated.wait()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await expectAmount(5, database)
            try await database.execute("UPDATE stock SET amount = 1")
            try await expectAmount(1, database)
        }
    }

    @Test(arguments: Store.allCases) func neverSellsMoreThanThereIs(_ store: Store) async throws {
        try await withStock(store, 150) { database in
            let sold = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        try await database.transaction { connection in
                            let left = try await connection.value(
                                Int.self, "SELECT amount FROM stock WHERE id = 1\(connection.dialect.forUpdate)")
                            guard let left, left > 0 else { return false }
                            try await connection.execute("UPDATE stock SET amount = \(left - 1) WHERE id = 1")
                            return true
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(sold == 150)
            try await expectAmount(0, database)
        }
    }

    @Test(arguments: Store.allCases) func readSeesOneState(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            try await database.read { connection in
                try await expectAmount(5, connection)
                try await database.execute("UPDATE stock SET amount = 9")
                try await expectAmount(5, connection)
            }
            try await expectAmount(9, database)
        }
    }

    @Test(arguments: Store.allCases) func readRefusesToWrite(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            await #expect(throws: DatabaseError.self) {
                try await database.read { try await $0.execute("UPDATE stock SET amount = 0") }
            }
            try await expectAmount(5, database)
        }
    }

    @Test(arguments: Store.allCases) func failedStatementEndsTheTransaction(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.transaction { connection in
                    try await connection.execute("UPDATE stock SET amount = 0")
                    _ = try? await connection.execute("INSERT INTO stock VALUES (1, 1)")
                }
            }
            guard case .other(code: "transaction_aborted", _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await expectAmount(5, database)
            try await database.execute("UPDATE stock SET amount = 1")
            try await expectAmount(1, database)
        }
    }

    @Test(arguments: Store.allCases) func escapedConnectionThrows(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            let escaped = try await database.transaction { connection in
                try await connection.execute("UPDATE stock SET amount = 4")
                return connection
            }
            await #expect(throws: DatabaseError.self) { try await escaped.execute("UPDATE stock SET amount = 0") }
            try await expectAmount(4, database)
        }
    }

    @Test(arguments: Store.allCases) func cancelledWaitFreesItsPlace(_ store: Store) async throws {
        var options = Database.Options()
        options.poolSize = 1
        try await withStock(store, 5, options: options) { database in
            let holding = Gate()
            let release = Gate()
            let holder = Task {
                try await database.transaction { connection in
                    try await connection.execute("UPDATE stock SET amount = 3")
                    await holding.open()
                    await release.wait()
                }
            }
            await holding.wait()
            let waiter = Task { try await database.execute("UPDATE stock SET amount = 0") }
            await Task.yield()
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            await release.open()
            try await holder.value
            try await expectAmount(3, database)
            try await database.execute("UPDATE stock SET amount = 1")
            try await expectAmount(1, database)
        }
    }

    @Test(arguments: Store.allCases) func waitForAConnectionTimesOut(_ store: Store) async throws {
        var options = Database.Options()
        options.poolSize = 1
        options.leaseTimeout = .seconds(2)
        try await withStock(store, 5, options: options) { database in
            let error = await #expect(throws: DatabaseError.self) {
                try await database.transaction { connection in
                    try await connection.execute("UPDATE stock SET amount = 3")
                    try await database.execute("UPDATE stock SET amount = 0")
                }
            }
            guard case .timeout = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await expectAmount(5, database)
        }
    }

    @Test(arguments: Store.allCases) func constraintErrorsReportTheirColumns(_ store: Store) async throws {
        try await withDatabase(store) { database in
            let dialect = database.dialect
            try await database.execute(
                """
                CREATE TABLE users (id \(dialect.identity), email TEXT NOT NULL UNIQUE, tenant BIGINT, \
                "user name" TEXT, nick TEXT, age BIGINT CONSTRAINT adult CHECK (age >= 18), \
                UNIQUE (tenant, "user name"))
                """)
            try await database.execute("CREATE UNIQUE INDEX users_nick_lower ON users (lower(nick))")
            try await database.execute(
                "CREATE TABLE posts (id BIGINT, author BIGINT REFERENCES users (id))")
            try await database.execute("INSERT INTO users (email, tenant, \"user name\") VALUES ('a@b, (c)', 1, 'x')")
            func error(_ sql: SQL) async -> DatabaseError? {
                await #expect(throws: DatabaseError.self) { try await database.execute(sql) }
            }
            #expect(await error("INSERT INTO users (email) VALUES ('a@b, (c)')") == .unique(columns: ["email"]))
            #expect(
                await error("INSERT INTO users (email, tenant, \"user name\") VALUES ('y', 1, 'x')")
                    == .unique(columns: ["tenant", "user name"]))
            #expect(
                await error("INSERT INTO users (email, nick) VALUES ('b', 'A'), ('c', 'a')")
                    == .unique(columns: ["users_nick_lower"]))
            #expect(await error("INSERT INTO users (id, email) VALUES (1, 'z')") == .unique(columns: ["id"]))
            #expect(await error("INSERT INTO users (email, age) VALUES ('z', 17)") == .check("adult"))
            #expect(await error("INSERT INTO users (tenant) VALUES (17)") == .notNull(column: "email"))
            guard case .foreignKey = await error("INSERT INTO posts VALUES (1, 99)") else {
                Issue.record("not a foreign key error")
                return
            }
        }
    }

    @Test(arguments: Store.allCases) func returnsTheNumberOfChangedRows(_ store: Store) async throws {
        try await withStock(store, 5) { database in
            #expect(try await database.execute("INSERT INTO stock VALUES (2, 1), (3, 1)") == 2)
            #expect(try await database.execute("CREATE TABLE other (id BIGINT)") == 0)
            #expect(try await database.execute("UPDATE stock SET amount = 7 WHERE id > 1") == 2)
            #expect(try await database.execute("UPDATE stock SET amount = 7 WHERE id > 9") == 0)
            #expect(try await database.execute("SELECT * FROM stock") == 0)
            let ids = try await database.values(Int.self, "DELETE FROM stock WHERE id > 1 RETURNING id")
            #expect(ids.sorted() == [2, 3])
            let more = try await database.values(
                Int.self, "WITH gone AS (SELECT 1 AS id) SELECT id FROM gone")
            #expect(more == [1])
        }
    }
}
