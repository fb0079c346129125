package import Logging
import MartletCore
package import MartletData

/// The databases of this process's services.
struct DatabaseStage: Stage {
    /// The maximum time to wait for a PostgreSQL that does not respond yet.
    private static let patience = Duration.seconds(30)

    private let databases: [String: Database]
    /// Whether the databases are on a server, which may still be starting.
    private let waits: Bool

    /// Opens a database for each service.
    init(_ services: some Sequence<String>, _ settings: DataSettings, _ folder: DataDirectory) throws {
        waits = settings.databaseURL != nil
        databases = try Dictionary(
            uniqueKeysWithValues: services.map { name in
                (name, try settings.database(of: name, in: folder, logger: Logger(label: name)))
            })
    }

    var all: [Database] { Array(databases.values) }

    /// - Throws: ``Failure`` for a service that does not run in this process.
    func database(of service: String) throws(Failure) -> Database {
        guard let database = databases[service] else { throw Failure("\(service): has no database in this process") }
        return database
    }

    /// Migrates a service's database, then prepares the service. While the database does not respond, it retries for
    /// ``patience``.
    /// - Throws: ``UsageError`` for a database that rejects the user; ``Failure`` for one that cannot be used.
    func migrate(
        _ service: String, _ migrations: [Migration], logger: Logger, then prepare: () async throws -> Void
    ) async throws {
        let database = try database(of: service)
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                try await database.migrate(migrations)
                return try await prepare()
            } catch DatabaseError.unavailable(let reason) where waits && ContinuousClock.now < end {
                logger.warning("waiting for the database", metadata: ["reason": "\(reason)"])
                try await Task.sleep(for: .seconds(1))
            } catch let error as DatabaseError {
                throw error.failure(of: service)
            }
        }
    }

    func close() async {
        for database in databases.values { await database.close() }
    }
}

extension DatabaseError {
    /// The error at the command line. A database that rejects the user of `database_url` is an invalid setting; any
    /// other error is a failure.
    package func failure(of service: String) -> any Error {
        guard case .other(_, let message) = self, isRefusal else {
            return Failure("\(service): the database cannot be used: \(self)")
        }
        return UsageError("database_url: the server rejects it: \(message)")
    }
}

extension DataSettings {
    /// The database of a service: its PostgreSQL schema, or its SQLite file.
    package func database(of service: String, in folder: DataDirectory, logger: Logger) throws -> Database {
        var options = Database.Options()
        options.poolSize = databaseConnections
        return try Database(location(of: service), options: options, logger: logger)
    }

    package func location(of service: String) throws -> Database.Location {
        guard let databaseURL else { return .sqlite(path: "\(folder)/\(service).sqlite") }
        return try Database.Location(url: databaseURL, schema: service)
    }
}
