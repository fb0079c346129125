import MartletCore
import MartletTesting
import Testing

@testable import MartletData

/// A statement waits behind a slow one no longer than for a connection.
@Suite struct PostgresWaitTests {
    @Test func readersOfALockedTableTimeOut() async throws {
        var options = Database.Options()
        options.leaseTimeout = .milliseconds(500)
        try await withDatabase(.postgres, options: options) { database in
            try await database.execute("CREATE TABLE t (id BIGINT)")
            let start = ContinuousClock.now
            let results = try await database.transaction { connection in
                try await connection.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
                return await withTaskGroup(of: DatabaseError?.self) { group in
                    for _ in 0..<60 {
                        group.addTask {
                            do {
                                _ = try await database.query("SELECT id FROM t")
                                return nil
                            } catch {
                                return error as? DatabaseError
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
            }
            // The wait for a connection, the wait for the lock, and some overhead.
            #expect(ContinuousClock.now - start < .seconds(5))
            for result in results {
                if case .timeout = result {} else { Issue.record("\(String(describing: result))") }
            }
            #expect(results.count == 60)
            try await eventually("an answer") { try await database.count("SELECT count(*) FROM t") == 0 }
        }
    }

    @Test(arguments: [StatementKind.scan, .list])
    func slowStatementsLeaveHalfTheConnections(_ kind: StatementKind) async throws {
        var options = Database.Options()
        options.poolSize = 4
        options.leaseTimeout = .seconds(5)
        options.statementTimeout = .seconds(3600)
        try await withDatabase(.postgres, options: options) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        while !Task.isCancelled { _ = try? await database.query("SELECT pg_sleep(3600)", kind) }
                    }
                }
                try await eventually("two slow statements") {
                    try await database.count(
                        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active' AND application_name = current_setting('application_name')"
                    )
                        >= 2
                }
                for number in 0..<50 { #expect(try await database.count("SELECT \(number)::bigint") == number) }
                group.cancelAll()
            }
        }
    }

    @Test func timedOutWritesAreNotWrittenLater() async throws {
        var options = Database.Options()
        options.poolSize = 1
        options.leaseTimeout = .milliseconds(200)
        try await withDatabase(.postgres, options: options) { database in
            try await database.execute("CREATE TABLE t (id BIGINT)")
            async let slow = database.query("SELECT pg_sleep(1)")
            var written = 0
            try await eventually("a refusal") {
                do {
                    try await database.execute("INSERT INTO t VALUES (1)")
                    written += 1
                    return false
                } catch DatabaseError.timeout {
                    return true
                }
            }
            _ = try await slow
            #expect(try await database.count("SELECT count(*) FROM t") == written)
        }
    }

    @Test(.timeLimit(.minutes(1))) func shutdownDoesNotWaitForStatements() async throws {
        var options = Database.Options()
        options.statementTimeout = .seconds(3600)
        try await withDatabase(.postgres, options: options) { database in
            async let result = { () async -> DatabaseError? in
                do {
                    _ = try await database.query("SELECT pg_sleep(3600)")
                    return nil
                } catch {
                    return error as? DatabaseError
                }
            }()
            try await eventually("the slow statement") {
                try await database.count(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(3600)%' AND state = 'active' AND application_name = current_setting('application_name')"
                )
                    >= 1
            }
            database.endStatements(within: .milliseconds(50))
            if case .unavailable = await result {} else { Issue.record("not ended") }
        }
    }

    @Test func anIdleTransactionKeepsItsLocksForAWhile() async throws {
        var options = Database.Options()
        options.idleTransactionTimeout = .milliseconds(300)
        try await withDatabase(.postgres, options: options) { database in
            try await database.execute("CREATE TABLE t (id BIGINT)")
            await #expect(throws: DatabaseError.self) {
                try await database.transaction { connection in
                    try await connection.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
                    // As if this process were suspended.
                    #expect(try await database.count("SELECT count(*) FROM t") == 0)
                    try await connection.execute("INSERT INTO t VALUES (1)")
                }
            }
            #expect(try await database.count("SELECT count(*) FROM t") == 0)
        }
    }
}
