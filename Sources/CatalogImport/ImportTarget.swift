import Catalog
import Logging
import MartletData
import MartletPlatform

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The database that products are loaded into: that of the platform with the same settings.
struct ImportTarget {
    private let data: DataSettings
    // What goes wrong is said by the command itself.
    private let logger = Logger(label: "import") { _ in SwiftLogNoOpLogHandler() }

    init(_ settings: Settings) { data = settings.data }

    /// The database, brought up to date.
    /// - Parameter create: whether to make it where there is none. It is asked for, as a new database most often means that
    ///   the folder is the wrong one.
    /// - Throws: ``UsageError`` where there is none; ``Failure`` where it cannot be used.
    func open(create: Bool) async throws -> Database {
        if !create, try await existing(closing: true) == nil {
            throw UsageError(
                "\(place): there is no database of products yet. Give the settings that serve has, such as --data-dir, "
                    + "or say --create to make one")
        }
        let database = try data.database(
            of: CatalogService.name, in: DataDirectory(data.folder, isServing: false), logger: logger)
        do {
            try await database.migrate(CatalogService.migrations)
            return database
        } catch let error as DatabaseError {
            throw error.failure(of: CatalogService.name)
        }
    }

    /// The database as it is; nil where there is none. Makes nothing.
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
