import Catalog
import Logging
import MartletData
import MartletMessaging
import MartletPlatform

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The database to load products into: that of the platform with the same settings.
struct ImportTarget {
    private let data: DataSettings
    // The command reports errors itself.
    private let logger = Logger(label: "import") { _ in SwiftLogNoOpLogHandler() }

    init(_ settings: Settings) { data = settings.data }

    /// Opens and migrates the database.
    /// - Parameter create: whether to create a missing database. This must be explicit, because a missing database
    ///   usually means that the folder is wrong.
    /// - Throws: ``UsageError`` if the database is missing; ``Failure`` if it cannot be used.
    func open(create: Bool) async throws -> Database {
        if !create, try await existing(closing: true) == nil {
            throw UsageError(
                "\(place): there is no product database. Use the settings of serve, such as --data-dir, "
                    + "or create one with --create")
        }
        let database = try data.database(
            of: CatalogService.name, in: DataDirectory(data.folder, isServing: false), logger: logger)
        do {
            try await database.migrate(CatalogService.migrations)
            try await MessagingService.migrate(database)
            return database
        } catch let error as DatabaseError {
            throw error.failure(of: CatalogService.name)
        }
    }

    /// Opens the database without migrating it; nil if it does not exist. Creates nothing.
    func existing(closing: Bool = false) async throws -> Database? {
        let location = try data.location(of: CatalogService.name)
        if case .sqlite(let path) = location, !FileManager.default.fileExists(atPath: path) { return nil }
        let database = try Database(location, logger: logger)
        var isThere = true
        do {
            if case .postgres(_, let schema) = location {
                isThere = try await database.exists(
                    "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = \(schema) AND tablename = 'products'")
            }
        } catch let error as DatabaseError {
            throw error.failure(of: CatalogService.name)
        }
        if closing || !isThere { await database.close() }
        return isThere ? database : nil
    }

    private var place: String {
        data.databaseURL == nil ? "data_dir '\(data.folder)'" : "database_url"
    }
}
