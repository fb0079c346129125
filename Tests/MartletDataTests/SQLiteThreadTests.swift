import Logging
import MartletCore
import MartletTesting
import Testing

@testable import MartletData

/// SQLite statements run on dedicated threads, and slow ones do not block others.
@Suite struct SQLiteThreadTests {
    private var endless: SQL {
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    }

    private func expectTimeout(_ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void) async {
        let error = await #expect(throws: DatabaseError.self, sourceLocation: location) { try await body() }
        if case .timeout = error {} else { Issue.record("\(String(describing: error))", sourceLocation: location) }
    }

    /// Runs `body` while eight endless statements run or wait.
    private func whileEightAreEndless(
        _ kind: StatementKind, _ database: Database, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                // Cancelled, a statement that runs ends as one that ran too long.
                group.addTask { while !Task.isCancelled { _ = try? await database.query(endless, kind) } }
            }
            try await body()
            group.cancelAll()
        }
    }

    @Test(arguments: [StatementKind.lookUp, .scan])
    func lookupsAndWritesContinueBesideEndlessStatements(_ kind: StatementKind) async throws {
        var options = Database.Options()
        options.leaseTimeout = .seconds(60)
        options.statementTimeout = .seconds(60)
        try await withDatabase(.sqlite, options: options) { database in
            try await database.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
            try await whileEightAreEndless(kind, database) {
                for number in 0..<50 {
                    try await database.execute("INSERT INTO t VALUES (\(number))")
                    #expect(try await database.exists("SELECT 1 FROM t WHERE id = \(number)"))
                }
                let inTransaction = try await database.transaction { connection in
                    try await connection.execute("DELETE FROM t WHERE id < 10")
                    return try await connection.count("SELECT count(*) FROM t")
                }
                #expect(inTransaction == 40)
            }
        }
    }

    @Test func waitForASlowConnectionTimesOut() async throws {
        var options = Database.Options()
        options.leaseTimeout = .milliseconds(100)
        options.statementTimeout = .seconds(60)
        try await withDatabase(.sqlite, options: options) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { while !Task.isCancelled { _ = try? await database.query(endless, .scan) } }
                }
                // Both connections for slow statements are taken before long, and then nobody else gets one.
                try await eventually("a refusal") {
                    do {
                        _ = try await database.query("SELECT 1", .scan)
                        return false
                    } catch DatabaseError.timeout {
                        return true
                    }
                }
                group.cancelAll()
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func statementsEndOnShutdown() async throws {
        var options = Database.Options()
        options.statementTimeout = .seconds(3600)
        try await withDatabase(.sqlite, options: options) { database in
            async let running: Void = expectTimeout { _ = try await database.query(endless, .scan) }
            database.endStatements(within: .milliseconds(50))
            await running
        }
    }

    @Test func closedConnectionThrows() async throws {
        let connection = SQLiteConnection(
            path: nil, isReadOnly: false, statementTimeout: .seconds(1), closing: ClosingTime())
        _ = try await connection.run("SELECT 1")
        await connection.close()
        // Its thread has ended. A later statement fails on a new thread instead of waiting forever.
        await #expect(throws: DatabaseError.closed) { try await connection.run("SELECT 1") }
        await connection.close()
    }

    @Test func remembersSlowStatements() {
        let slow = SlowStatements()
        #expect(!slow.contains(endless))
        slow.insert(endless)
        #expect(slow.contains(endless))
        #expect(!slow.contains("SELECT 1"))
        for number in 0..<1000 { slow.insert("SELECT 1 WHERE 1 IN \(list: Array(0...number))") }
        #expect(!slow.contains(endless), "it is bounded")
    }
}
