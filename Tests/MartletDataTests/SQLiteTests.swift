import Foundation
import GRDB
import MartletCore
import MartletData
import Testing

@Suite struct SQLiteTests {
    @Test func keepsTheFileToItsOwner() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "x.sqlite").path
            let database = try MartletData.Database(.sqlite(path: path), logger: quiet)
            try await database.execute("CREATE TABLE t (id BIGINT)")
            for suffix in ["", "-wal", "-shm"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
                #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            }
            await database.close()
        }
    }

    @Test func usesWALAndForeignKeys() async throws {
        try await withDatabase(.sqlite) { database in
            let mode = try await database.value(String.self, "PRAGMA journal_mode")
            let synchronous = try await database.value(Int.self, "PRAGMA synchronous")
            let foreignKeys = try await database.value(Int.self, "PRAGMA foreign_keys")
            #expect(mode == "wal")
            // Acknowledged commits survive a power failure.
            #expect(synchronous == 2)
            #expect(foreignKeys == 1)
        }
    }

    @Test func readsWhileATransactionWrites() async throws {
        try await withDatabase(.sqlite) { database in
            try await database.execute("CREATE TABLE t (id BIGINT)")
            try await database.transaction { connection in
                try await connection.execute("INSERT INTO t VALUES (1)")
                #expect(try await database.count("SELECT count(*) FROM t") == 0)
            }
            let count = try await database.count("SELECT count(*) FROM t")
            #expect(count == 1)
        }
    }

    @Test func waitsForAnotherConnectionsLock() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "x.sqlite").path
            let database = try MartletData.Database(.sqlite(path: path), logger: quiet)
            try await database.execute("CREATE TABLE t (id BIGINT)")
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: path, configuration: configuration)
            try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE; INSERT INTO t VALUES (1)") }
            async let single = database.execute("INSERT INTO t VALUES (2)")
            async let whole: Void = database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (3)") }
            // Reading does not block.
            let before = try await database.count("SELECT count(*) FROM t")
            #expect(before == 0)
            try other.inDatabase { try $0.execute(sql: "COMMIT") }
            _ = try await (single, whole)
            let after = try await database.count("SELECT count(*) FROM t")
            #expect(after == 3)
            await database.close()
        }
    }

    @Test func lockWaitTimesOut() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "x.sqlite").path
            var options = MartletData.Database.Options()
            options.busyTimeout = .milliseconds(100)
            let database = try MartletData.Database(.sqlite(path: path), options: options, logger: quiet)
            try await database.execute("CREATE TABLE t (id BIGINT)")
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: path, configuration: configuration)
            try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
            let error = await #expect(throws: MartletData.DatabaseError.self) {
                try await database.transaction { try await $0.execute("INSERT INTO t VALUES (2)") }
            }
            guard case .timeout = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
            try await database.execute("INSERT INTO t VALUES (2)")
            await database.close()
        }
    }

    @Test func unreachableFileIsUnavailable() async throws {
        let database = try MartletData.Database(.sqlite(path: "/nowhere/at/all.sqlite"), logger: quiet)
        let error = await #expect(throws: MartletData.DatabaseError.self) { try await database.ping() }
        guard case .unavailable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        await database.close()
    }

    @Test func inMemoryDatabaseWorks() async throws {
        let database = try MartletData.Database(.sqliteInMemory, logger: quiet)
        try await database.migrate([Migration(1, "t") { _ in ["CREATE TABLE t (id BIGINT)"] }])
        try await database.transaction { _ = try await $0.execute("INSERT INTO t VALUES (1)") }
        let count = try await database.read { try await $0.count("SELECT count(*) FROM t") }
        #expect(count == 1)
        await #expect(throws: MartletData.DatabaseError.self) {
            try await database.read { try await $0.execute("DELETE FROM t") }
        }
        await database.close()
    }

    @Test func rejectsASecondStatement() async throws {
        try await withDatabase(.sqlite) { database in
            await #expect(throws: MartletData.DatabaseError.self) { try await database.execute("SELECT 1; SELECT 2") }
            try await database.execute("SELECT 1;\n")
        }
    }

    @Test func endlessStatementTimesOut() async throws {
        var options = MartletData.Database.Options()
        options.statementTimeout = .milliseconds(100)
        try await withDatabase(.sqlite, options: options) { database in
            let error = await #expect(throws: MartletData.DatabaseError.self) {
                try await database.query(endless)
            }
            guard case .timeout = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func cancellationStopsTheStatement() async throws {
        try await withDatabase(.sqlite) { database in
            let task = Task { try await database.query(endless) }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            try await database.ping()
        }
    }

    @Test func cachedStatementsSeeARecreatedColumn() async throws {
        try await withDatabase(.sqlite) { database in
            try await database.execute("CREATE TABLE t (a BIGINT)")
            _ = try await database.query("SELECT * FROM t")
            try await database.execute("ALTER TABLE t RENAME COLUMN a TO b")
            let renamed = try await database.query("SELECT * FROM t").columns
            #expect(renamed == ["b"])
            try await database.execute("ALTER TABLE t ADD COLUMN c TEXT")
            let extended = try await database.query("SELECT * FROM t").columns
            #expect(extended == ["b", "c"])
        }
    }

    private var endless: MartletData.SQL {
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    }
}
