import ArgumentParser
import Catalog
import Foundation
import MartletCore
import MartletData
import MartletPlatform

/// `martlet import products FILE.csv`. The platform may be running.
struct ImportProducts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "products", abstract: "Load products from a CSV file with a header line.",
        discussion: """
            The columns are name, sku, price, currency, description, category and stock; name and price are required. \
            The separator, UTF-8 or UTF-16, and the decimal mark are detected. If a file can be read in several ways, \
            an error names the option to set. Every invalid value is reported with its line and column, and nothing is \
            loaded unless all values are valid.
            """)

    @Argument(help: "The CSV file.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "The columns of fields: name=productName,price=unitPrice. May be repeated.",
            valueName: "field=column,…"))
    var map: [String] = []

    @Option(help: ArgumentHelp("The shop system that exported the file.", valueName: "shop"))
    var preset: ProductPreset?

    @Option(help: ArgumentHelp("Update the products with the same SKU, and add the others.", valueName: "sku"))
    var updateBy: UpdateKey?

    @Option(
        help: ArgumentHelp("The column separator: one character, or comma, semicolon, tab, pipe.", valueName: "c"))
    var delimiter: String?

    @Option(
        help: ArgumentHelp(
            "The encoding: utf-8, utf-16, gbk, windows-1252 or another that iconv supports.", valueName: "name"))
    var encoding: String?

    @Option(help: ArgumentHelp("The decimal mark: point (1,234.50) or comma (1.234,50).", valueName: "mark"))
    var decimal: String?

    @Option(help: ArgumentHelp("The currency of rows without one. Default: USD.", valueName: "code"))
    var currency: String?

    @Flag(help: "Show how the file is read and what would be written, without writing.")
    var preview = false

    @Flag(help: "Create the database if it does not exist.")
    var create = false

    @Flag(help: "Let the running catalog service load the rows, in parts. Prints the job to follow.")
    var background = false

    @Flag(help: "Load the valid rows even if others are invalid.")
    var keepGoing = false

    @OptionGroup
    var options: SettingOptions<DataScope>

    enum UpdateKey: String, CaseIterable, ExpressibleByArgument { case sku }

    func run() async throws {
        let settings = try Settings(options)
        let format = try format
        var products = try ProductFile(try contents(), name: file, format: format)
        let target = ImportTarget(settings)
        if preview {
            let database = try await target.existing()
            try await check(&products, format, database.map { ProductStore(database: $0) })
            await database?.close()
            for line in ImportPreview(products, name: file).lines { Terminal.print(line) }
            guard products.problems.isEmpty else { throw UsageError(products.problems.lines) }
            return
        }
        try requireRight(products)
        let database = try await target.open(create: create)
        let summary: String
        do {
            summary = try await load(&products, format, into: ProductStore(database: database))
        } catch let error as DatabaseError {
            throw Failure("the database cannot be used: \(error)")
        } catch let problem as Problem {
            throw Failure(problem.detail ?? problem.title)
        }
        await database.close()
        for problem in products.problems.lines { Terminal.complain("martlet: \(problem)") }
        Terminal.print(summary)
        for remark in products.remarks { Terminal.print(remark) }
    }

    private func load(
        _ products: inout ProductFile, _ format: ImportFormat, into store: ProductStore
    ) async throws -> String {
        try await check(&products, format, store)
        try requireRight(products)
        let total = products.rows.count
        if background {
            let changes = products.rows.map { ProductChange($0.product, fields: $0.fields) }
            let job = try await store.loadLater(changes, isUpdate: format.isUpdate)
            return """
                \(Terminal.count(total, "product")) will be loaded in the background, by job \(job). Follow it with: \
                martlet jobs show catalog \(job)
                """
        }
        guard format.isUpdate else {
            try await store.create(all: products.rows.map(\.product)) { Terminal.progress($0, of: total) }
            return "Loaded \(Terminal.count(total, "product"))."
        }
        let changes = products.rows.map { ProductChange($0.product, fields: $0.fields) }
        let counts = try await store.upsert(changes) { Terminal.progress($0, of: total) }
        return
            "\(Terminal.count(counts.created, "product")) added, \(counts.updated) changed, \(counts.unchanged) unchanged."
    }

    /// Checks the rows against the database: without an update, a SKU must be new; in an update, only a new product
    /// requires a name and a price.
    private func check(_ products: inout ProductFile, _ format: ImportFormat, _ store: ProductStore?) async throws {
        let taken = try await store?.taken(products.rows.compactMap(\.product.sku)) ?? []
        if format.isUpdate { products.requireWhole(exceptFor: taken) } else { products.refuse(taken) }
    }

    private func requireRight(_ products: ProductFile) throws(UsageError) {
        guard keepGoing || products.problems.isEmpty else { throw UsageError(products.problems.lines) }
    }

    private func contents() throws(UsageError) -> [UInt8] {
        var isFolder: ObjCBool = false
        let path = try Settings.path(file, of: "FILE")
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UsageError("\(file): no such file")
        }
        guard !isFolder.boolValue else { throw UsageError("\(file): is a folder") }
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
        guard size <= ProductFile.maximumLength else {
            throw UsageError("\(file): is larger than \(ProductFile.maximumLength >> 20) MiB; split it")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw UsageError("\(file): cannot be read; check its permissions")
        }
        return Array(bytes)
    }

    private var format: ImportFormat {
        get throws(UsageError) {
            var format = ImportFormat()
            format.encoding = try encoding.map(ImportFormat.encoding)
            format.delimiter = try delimiter.map(ImportFormat.delimiter)
            format.decimal = try decimal.map(ImportFormat.decimal)
            format.currency = try currency.map(ImportFormat.currency)
            format.columns = try ImportFormat.columns(map)
            format.preset = preset
            format.isUpdate = updateBy != nil
            return format
        }
    }
}
