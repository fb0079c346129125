import Foundation
import Logging
import MartletCore
import MartletData
import MartletTesting
import Testing

/// The databases that every test runs on.
enum Store: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, postgres

    var testDescription: String { rawValue }
}

struct MissingEnvironment: Error, CustomStringConvertible {
    let name: String
    var description: String { "\(name) is not set; script/test sets it" }
}

func environment(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else { throw MissingEnvironment(name: name) }
    return value
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a location for one test.
@discardableResult
func withLocation<T>(
    _ store: Store, _ body: (Database.Location) async throws -> T
) async throws -> T {
    let name = uniqueName("t_")
    switch store {
    case .sqlite:
        return try await withTemporaryFolder { folder in
            try await body(.sqlite(path: folder.appending(path: "\(name).sqlite").path))
        }
    case .postgres:
        let location = try Database.Location(url: environment("MARTLET_TEST_POSTGRES_URL"), schema: name)
        func drop() async throws {
            let database = try Database(location, logger: quiet)
            try await database.execute("DROP SCHEMA IF EXISTS \(identifier: name) CASCADE")
            await database.close()
        }
        do {
            let value = try await body(location)
            try await drop()
            return value
        } catch {
            try? await drop()
            throw error
        }
    }
}

/// Runs `body` with an empty database for one test.
@discardableResult
func withDatabase<T>(
    _ store: Store, options: Database.Options = .init(), _ body: (Database) async throws -> T
) async throws -> T {
    try await withLocation(store) { location in
        let database = try Database(location, options: options, logger: quiet)
        do {
            try await database.migrate([])
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}

@discardableResult
func withTemporaryFolder<T>(_ body: (URL) async throws -> T) async throws -> T {
    let name = uniqueName("martlet-test-")
    let folder = FileManager.default.temporaryDirectory.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// A gate at which the tasks of a test wait for each other.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    func wait() async {
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}
