import Logging
public import MartletData
import MartletMessaging

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The databases that every store test runs on.
public enum TestStore: String, CaseIterable, Sendable, CustomStringConvertible {
    case sqlite
    case postgres

    public var description: String { rawValue }

    /// The URL of the PostgreSQL server for tests.
    /// - Throws: ``MissingPostgres``.
    public static var postgresURL: String {
        get throws {
            guard let url = ProcessInfo.processInfo.environment["MARTLET_TEST_POSTGRES_URL"] else {
                throw MissingPostgres()
            }
            return url
        }
    }

    /// Runs `body` with an empty, migrated database, which also has the tables of messaging, and removes it afterwards.
    ///
    /// PostgreSQL is the server at `MARTLET_TEST_POSTGRES_URL`, which `script/test` sets. Without it the test fails.
    public func withDatabase<Value: Sendable>(
        _ migrations: [Migration], _ body: (Database) async throws -> Value
    ) async throws -> Value {
        let name = "test_" + UUID().uuidString.lowercased().filter { $0 != "-" }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        let location: Database.Location
        switch self {
        case .sqlite:
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            location = .sqlite(path: folder + "/test.sqlite")
        case .postgres:
            location = .postgres(url: try Self.postgresURL, schema: name)
        }
        let database = try Database(location, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Value, any Error>
        do {
            try await database.migrate(migrations)
            try await MessagingService.migrate(database)
            result = .success(try await body(database))
        } catch {
            result = .failure(error)
        }
        switch self {
        case .sqlite:
            await database.close()
            try FileManager.default.removeItem(atPath: folder)
        case .postgres:
            _ = try? await database.execute("DROP SCHEMA IF EXISTS \(identifier: name) CASCADE")
            await database.close()
        }
        return try result.get()
    }
}

/// The error of store tests without a server: they are never skipped.
public struct MissingPostgres: Error, CustomStringConvertible {
    public let description = "MARTLET_TEST_POSTGRES_URL is not set; run script/test, which starts a PostgreSQL"
}
