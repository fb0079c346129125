import ArgumentParser
import Catalog
import Logging
import MartletCore
import MartletData

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `martlet import`: loads what a team already has.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load data from files.", subcommands: [Products.self])

    /// `martlet import products FILE.csv`; the platform may be running meanwhile.
    struct Products: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load products from a CSV file with a header line.",
            discussion: """
                Columns are name, sku, price, currency, description, category and stock; name and price must be there.
                Every bad value is named with its line and column, and nothing is loaded unless all of it is right.
                """)

        @Argument(help: "The CSV file.")
        var file: String

        @Option(help: "Which column is which field: name=productName,price=unitPrice,stock=unitsInStock.")
        var map: String?

        @Flag(help: "Load the rows that are right, even if others are not.")
        var keepGoing = false

        @OptionGroup var options: SettingsOptions

        func run() async throws {
            let settings = try Settings(options, environment: ProcessInfo.processInfo.environment)
            let columns = try map.map(Self.columns) ?? [:]
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw UsageError("\(file): cannot be read")
            }
            var products = try ProductFile(Array(bytes), name: file, columns: columns)
            guard keepGoing || products.problems.isEmpty else { throw UsageError(products.problems) }

            let data = try DataDirectory(settings.dataDirectory, isServing: false)
            let database = try settings.database(of: CatalogService.name, in: data, logger: Logger(label: "import"))
            let store = ProductStore(database: database)
            do {
                try await database.migrate(CatalogService.migrations)
                products.refuse(try await store.taken(products.rows.compactMap(\.product.sku)))
                guard keepGoing || products.problems.isEmpty else { throw UsageError(products.problems) }
                let total = products.rows.count
                try await store.create(all: products.rows.map(\.product)) { Terminal.progress($0, of: total) }
            } catch let error as DatabaseError {
                throw Failure("the database cannot be used: \(error)")
            } catch let problem as Problem {
                throw Failure(problem.detail ?? problem.title)
            }
            await database.close()
            for problem in products.problems { Terminal.complain("martlet: \(problem)") }
            Terminal.print("\(products.rows.count) products have been loaded.")
        }

        private static func columns(_ text: String) throws(UsageError) -> [String: String] {
            var columns: [String: String] = [:]
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, ProductFile.fields.contains(String(parts[0])) else {
                    throw UsageError(
                        "--map: '\(pair)' must be field=column, with one of \(ProductFile.fields.joined(separator: ", "))"
                    )
                }
                columns[String(parts[0])] = String(parts[1])
            }
            return columns
        }
    }
}
