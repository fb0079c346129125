import MartletCore
import MartletData
import MartletTesting
import Testing

@Suite struct PostgresTests {
    private func expectUnavailable(
        within limit: Duration, _ location: SourceLocation = #_sourceLocation,
        _ body: @Sendable () async throws -> Void
    ) async {
        let start = ContinuousClock.now
        let error = await #expect(throws: DatabaseError.self, sourceLocation: location) { try await body() }
        if case .unavailable = error {} else { Issue.record("\(String(describing: error))", sourceLocation: location) }
        #expect(ContinuousClock.now - start < limit, sourceLocation: location)
    }

    @Test func failingStatementDoesNotAffectOthers() async throws {
        var options = Database.Options()
        options.poolSize = 1
        try await withDatabase(.postgres, options: options) { database in
            let results = await withTaskGroup(of: (Int, Result<Int?, any Error>).self) { group in
                for number in 0..<100 {
                    group.addTask {
                        do {
                            return (number, .success(try await database.value(Int.self, "SELECT 60 / \(number % 3)")))
                        } catch {
                            return (number, .failure(error))
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count == 100)
            for (number, result) in results {
                switch (number % 3, result) {
                case (0, .failure(DatabaseError.other(code: "22012", _))): break
                case (1, .success(60)), (2, .success(30)): break
                default: Issue.record("\(number): \(result)")
                }
            }
        }
    }

    @Test func retriesPreparationAfterAFailure() async throws {
        try await withDatabase(.postgres) { database in
            for _ in 0..<3 {
                await #expect(throws: DatabaseError.self) { try await database.query("SELECT * FROM later") }
            }
            try await database.execute("CREATE TABLE later (id BIGINT)")
            let count = try await database.query("SELECT * FROM later").count
            #expect(count == 0)
        }
    }

    @Test func preparedStatementsAreBounded() async throws {
        var options = Database.Options()
        options.poolSize = 1
        try await withDatabase(.postgres, options: options) { database in
            for count in 1...300 {
                _ = try await database.query("SELECT 1 WHERE 1 IN \(list: Array(1...count))")
            }
            let prepared = try await database.count("SELECT count(*) FROM pg_prepared_statements")
            #expect(prepared == 256)
        }
    }

    @Test func recreatesAStalePlan() async throws {
        var options = Database.Options()
        options.poolSize = 1
        try await withDatabase(.postgres, options: options) { database in
            try await database.execute("CREATE TABLE t (a BIGINT)")
            try await database.execute("INSERT INTO t VALUES (1)")
            for _ in 0..<2 { _ = try await database.query("SELECT * FROM t") }
            try await database.execute("ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'x'")
            let columns = try await database.query("SELECT * FROM t").columns
            #expect(columns == ["a", "b"])
            try await database.execute("ALTER TABLE t ADD COLUMN c TEXT")
            // Within a transaction the statement cannot be repeated, but the next transaction succeeds.
            _ = try? await database.transaction { try await $0.query("SELECT * FROM t") }
            let later = try await database.transaction { try await $0.query("SELECT * FROM t").columns }
            #expect(later == ["a", "b", "c"])
            try await database.execute("DEALLOCATE ALL")
            let again = try await database.query("SELECT * FROM t").columns
            #expect(again == ["a", "b", "c"])
        }
    }

    @Test func longStatementTimesOut() async throws {
        var options = Database.Options()
        options.statementTimeout = .milliseconds(200)
        try await withDatabase(.postgres, options: options) { database in
            let error = await #expect(throws: DatabaseError.self) { try await database.query("SELECT pg_sleep(5)") }
            guard case .timeout = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await database.ping()
        }
    }

    @Test func cancelledTaskDoesNotWait() async throws {
        try await withDatabase(.postgres) { database in
            let task = Task { try await database.query("SELECT pg_sleep(3600)") }
            try await eventually("the statement") {
                try await database.count(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3600)%' AND state = 'active' AND application_name = current_setting('application_name')"
                ) == 1
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The connection, or another one, works.
            try await database.ping()
        }
    }

    @Test func deferredConstraintsFailTheCommit() async throws {
        try await withDatabase(.postgres) { database in
            try await database.execute("CREATE TABLE t (a BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let error = await #expect(throws: DatabaseError.self) {
                try await database.transaction { connection in
                    try await connection.execute("INSERT INTO t VALUES (1), (1)")
                }
            }
            #expect(error == .unique(columns: ["a"]))
            try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
        }
    }

    @Test func configuresItsSession() async throws {
        try await withDatabase(.postgres) { database in
            func setting(_ name: String) async throws -> String? {
                try await database.value(String.self, "SELECT current_setting(\(name))")
            }
            let zone = try await setting("TimeZone")
            let timeout = try await setting("statement_timeout")
            let name = try await setting("application_name")
            let schema = try await database.value(String.self, "SELECT current_schema()::text")
            #expect(zone == "UTC")
            #expect(timeout == "10s")
            #expect(name == "martlet-\(schema ?? "")")
        }
    }

    @Test func survivesLargeTexts() async throws {
        try await withDatabase(.postgres) { database in
            let text = String(repeating: "xyzä", count: 500_000)
            try await database.execute("CREATE TABLE t (id BIGINT, body TEXT)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<4 {
                    group.addTask { _ = try await database.execute("INSERT INTO t VALUES (\(id), \(text))") }
                }
                try await group.waitForAll()
            }
            let equal = try await database.count("SELECT count(*) FROM t WHERE body = \(text)")
            #expect(equal == 4)
            let back = try await database.value(String.self, "SELECT body FROM t LIMIT 1")
            #expect(back == text)
        }
    }

    @Test func unreachableServerIsUnavailable() async throws {
        let port = try FreePort.choose()
        let database = try Database(
            .postgres(url: "postgres://postgres@127.0.0.1:\(port)/postgres", schema: "x"), logger: quiet)
        await expectUnavailable(within: .seconds(1)) { _ = try await database.query("SELECT 1") }
        await expectUnavailable(within: .seconds(1)) {
            try await database.transaction { _ = try await $0.query("SELECT 1") }
        }
        await expectUnavailable(within: .seconds(1)) { try await database.ping() }
        await database.close()
    }

    @Test func silentServerTimesOut() async throws {
        try await withBlackHole { port in
            let database = try Database(
                .postgres(url: "postgres://postgres@127.0.0.1:\(port)/postgres", schema: "x"), logger: quiet)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await expectUnavailable(within: .seconds(3)) { _ = try await database.query("SELECT 1") }
                    }
                }
            }
            await database.close()
        }
    }

    @Test func recoversWhenTheServerIsRestarted() async throws {
        try await PostgresServer.with { server in
            let database = try Database(.postgres(url: server.url, schema: "x"), logger: quiet)
            try await database.migrate([Migration(1, "t") { _ in ["CREATE TABLE t (id BIGINT)"] }])
            async let running: Void = expectUnavailable(within: .seconds(10)) {
                _ = try await database.execute("SELECT pg_sleep(9), 1")
            }
            async let transaction: Void = expectUnavailable(within: .seconds(10)) {
                try await database.transaction { connection in
                    try await connection.execute("INSERT INTO t VALUES (1)")
                    try await connection.execute("SELECT pg_sleep(9), 2")
                }
            }
            try await eventually("two slow statements") {
                try await database.count(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'")
                    == 2
            }
            try await server.stop()
            await expectUnavailable(within: .seconds(2)) { _ = try await database.query("SELECT 1") }
            await expectUnavailable(within: .seconds(2)) { _ = try await database.execute("INSERT INTO t VALUES (2)") }
            _ = await (running, transaction)
            try await server.start()
            let count = try await database.count("SELECT count(*) FROM t")
            #expect(count == 0)
            let inserted = try await database.transaction { try await $0.execute("INSERT INTO t VALUES (3)") }
            #expect(inserted == 1)

            // Idle connections broken by the restart are not used.
            try await server.stop()
            try await server.start()
            try await database.execute("INSERT INTO t VALUES (4)")
            await database.close()
        }
    }

    @Test func detectsAFrozenServer() async throws {
        try await PostgresServer.with { server in
            var options = Database.Options()
            options.statementTimeout = .milliseconds(500)
            options.connectTimeout = .milliseconds(500)
            let database = try Database(.postgres(url: server.url, schema: "x"), options: options, logger: quiet)
            try await database.ping()
            try server.freeze()
            async let writing: Void = expectUnavailable(within: .seconds(3)) {
                _ = try await database.execute("CREATE TABLE t (id BIGINT)")
            }
            await expectUnavailable(within: .seconds(4)) { _ = try await database.query("SELECT 1") }
            await expectUnavailable(within: .seconds(4)) {
                try await database.transaction { _ = try await $0.query("SELECT 1") }
            }
            await writing
            try server.thaw()
            try await eventually("an answer") {
                try await database.ping()
                return true
            }
            await database.close()
        }
    }
}
