import ArgumentParser
import Catalog
import Foundation
import MartletCore
import MartletData
import MartletPlatform

/// `martlet import products FILE.csv`; the platform may be running meanwhile.
struct ImportProducts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "products", abstract: "Load products from a CSV file with a header line.",
        discussion: """
            The columns are name, sku, price, currency, description, category and stock; name and price must be there. \
            Separators, UTF-8 and UTF-16, and the decimal mark are found out; where a file can be read in more than one \
            way, an error names the option that decides. Every bad value is named with its line and column, and nothing \
            is loaded unless all of it is right.
            """)

    @Argument(help: "The CSV file.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Which column is which field: name=productName,price=unitPrice. May be repeated.",
            valueName: "field=column,…"))
    var map: [String] = []

    @Option(help: ArgumentHelp("The file is the export of this shop system.", valueName: "shop"))
    var preset: ProductPreset?

    @Option(help: ArgumentHelp("Change the products that have the same SKU, and add the others.", valueName: "sku"))
    var updateBy: UpdateKey?

    @Option(
        help: ArgumentHelp("What separates columns: one character, or comma, semicolon, tab, pipe.", valueName: "c"))
    var delimiter: String?

    @Option(
        help: ArgumentHelp("utf-8, utf-16, gbk, windows-1252 or another that iconv knows.", valueName: "name"))
    var encoding: String?

    @Option(help: ArgumentHelp("point for 1,234.50, comma for 1.234,50.", valueName: "mark"))
    var decimal: String?

    @Option(help: ArgumentHelp("The currency of rows that do not say theirs. Default: USD.", valueName: "code"))
    var currency: String?

    @Flag(help: "Show how the file is read and what would be done, and write nothing.")
    var preview = false

    @Flag(help: "Make the database if there is none yet.")
    var create = false

    @Flag(help: "Load the rows that are right, even if others are not.")
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
        guard format.isUpdate else {
            try await store.create(all: products.rows.map(\.product)) { Terminal.progress($0, of: total) }
            return "Loaded \(Terminal.count(total, "product"))."
        }
        let changes = products.rows.map { ProductChange($0.product, fields: $0.fields) }
        let counts = try await store.upsert(changes) { Terminal.progress($0, of: total) }
        return
            "\(Terminal.count(counts.created, "product")) added, \(counts.updated) changed, \(counts.unchanged) unchanged."
    }

    /// Looks at what is there: a SKU must be new, or in an update only new products need a name and a price.
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
            throw UsageError("\(file): there is no such file")
        }
        guard !isFolder.boolValue else { throw UsageError("\(file): is a folder") }
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
        guard size <= ProductFile.maximumLength else {
            throw UsageError("\(file): is larger than \(ProductFile.maximumLength >> 20) MiB; split it")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw UsageError("\(file): cannot be read; may you read it?")
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
