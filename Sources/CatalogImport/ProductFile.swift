import Catalog
import MartletCSV
import MartletCore
import MartletPlatform

/// A CSV file of products: its format, its columns, its rows, and every invalid value with its place.
struct ProductFile {
    static let fields = ["name", "sku", "price", "currency", "description", "category", "stock"]
    /// The maximum size in bytes. The file is read as a whole.
    static let maximumLength = 256 << 20

    struct Row {
        let line: Int
        let product: ProductInput
        /// The fields that the row sets.
        let fields: Set<String>
    }

    /// The detected format.
    private(set) var encoding: TextEncoding
    private(set) var dialect: CSVDialect
    private(set) var decimal: DecimalMark
    let columns: ProductColumns
    private(set) var rows: [Row] = []
    /// One line each: `products.csv:14: column 6 (unitPrice): 'abc': Must be a number.`
    private(set) var problems = Complaints()
    /// The number of rows that are not products, by reason.
    private(set) var leftOut: [String: Int] = [:]
    private let name: String

    /// - Throws: ``UsageError`` if the file or its header cannot be read, or can be read in several ways.
    init(_ bytes: [UInt8], name: String, format: ImportFormat) throws(UsageError) {
        self.name = name
        let records: [CSVReader.Record]
        do throws(CSVError) {
            let (text, encoding) = try TextEncoding.decode(bytes, as: format.encoding)
            dialect = try CSVDialect.detect(text, delimiter: format.delimiter) { header in
                (try? Self.columns(header, format)) != nil
            }
            self.encoding = encoding
            records = try CSVReader.read(text, dialect)
        } catch {
            throw UsageError(ImportMessages.lines(error, in: name))
        }
        guard let header = records.first else { throw UsageError("\(name): is empty") }
        do throws(ProductColumns.Mistake) {
            columns = try Self.columns(header.cells, format)
        } catch {
            throw UsageError("\(name): \(error.message)")
        }
        decimal = try Self.decimal(records.dropFirst(), columns, format, name)
        var reader: any ProductRows = format.preset?.rows(columns) ?? PlainRows(columns: columns)
        for record in records.dropFirst() { reader.look(at: record.cells) }
        var lineOfSKU: [[UInt8]: Int] = [:]
        for record in records.dropFirst() {
            // Spreadsheets append empty cells beyond the header.
            guard
                record.cells.count == header.cells.count
                    || record.cells.count > header.cells.count
                        && record.cells[header.cells.count...].allSatisfy({ $0.trimmed.isEmpty })
            else {
                problems.add(
                    "\(name):\(record.line): has \(record.cells.count) columns; the header has \(header.cells.count)")
                continue
            }
            switch reader.read(record.cells) {
            case .leftOut(let reason): leftOut[reason, default: 0] += 1
            case .product(let texts): take(texts, record, format, &lineOfSKU)
            }
        }
    }

    private static func columns(
        _ header: [String], _ format: ImportFormat
    ) throws(ProductColumns.Mistake) -> ProductColumns {
        let names = format.preset?.names ?? fields.map { ($0, [$0]) }
        return try ProductColumns(
            header, names: names, columns: format.columns, required: (format.preset?.required ?? []) + format.required)
    }

    /// Determines the decimal mark from all prices and stocks.
    private static func decimal(
        _ records: ArraySlice<CSVReader.Record>, _ columns: ProductColumns, _ format: ImportFormat, _ name: String
    ) throws(UsageError) -> DecimalMark {
        if let decimal = format.decimal { return decimal }
        var evidence = DecimalEvidence()
        for record in records {
            for field in ["price", "stock"] {
                let text = columns.text(field, record.cells)
                if let number = WrittenNumber(text) { evidence.add(number, text, line: record.line) }
            }
        }
        switch evidence.verdict {
        case .mark(let mark): return mark
        case .contradiction(let point, let comma):
            throw UsageError(
                "\(name): '\(point.text)' in line \(point.line) has a decimal point, '\(comma.text)' in line "
                    + "\(comma.line) a decimal comma; set --decimal point or --decimal comma")
        case .undecided(let number):
            throw UsageError(
                "\(name):\(number.line): '\(number.text)' is ambiguous: the mark may separate decimals or thousands; "
                    + "set --decimal point or --decimal comma")
        }
    }

    private mutating func take(
        _ said: [String: String], _ record: CSVReader.Record, _ format: ImportFormat, _ lineOfSKU: inout [[UInt8]: Int]
    ) {
        // An empty cell is an absent value: the default applies, or the product keeps its value.
        var texts = said.filter { !$0.value.isEmpty }
        let complaints = ProductValues(decimal: decimal, currency: format.currency).complete(&texts, format.isUpdate)
        for complaint in complaints { problems.add(place(record, complaint.field, complaint.message, said)) }
        guard complaints.isEmpty else { return }
        do {
            let product = try InputDecoder.decode(
                ProductInput.self, from: [.init(place: "csv", texts: texts)], isPartial: format.isUpdate)
            if format.isUpdate, product.sku == nil {
                problems.add(place(record, "sku", "Required to find the product to update.", said))
                return
            }
            if let sku = product.sku, let line = lineOfSKU.updateValue(record.line, forKey: Array(sku.utf8)) {
                problems.add("\(name):\(record.line): sku: '\(sku)' is already on line \(line)")
            }
            rows.append(Row(line: record.line, product: product, fields: Set(texts.keys)))
        } catch {
            for error in (error as? Problem)?.errors ?? [] {
                problems.add(place(record, error.loc.last ?? "", error.message, said))
            }
        }
    }

    /// Removes the rows whose SKU belongs to an existing product, with an error for each.
    mutating func refuse(_ taken: Set<String>) {
        let taken = Set(taken.map { Array($0.utf8) })
        for row in rows {
            guard let sku = row.product.sku, taken.contains(Array(sku.utf8)) else { continue }
            problems.add(
                "\(name):\(row.line): sku: a product with '\(sku)' already exists; --update-by sku would update it")
        }
        rows.removeAll { $0.product.sku.map { taken.contains(Array($0.utf8)) } ?? false }
    }

    /// Removes the rows that would add a product without a name or a price, with an error for each. In an update, only
    /// existing products may omit them.
    mutating func requireWhole(exceptFor taken: Set<String>) {
        let taken = Set(taken.map { Array($0.utf8) })
        rows.removeAll { row in
            guard let sku = row.product.sku, !taken.contains(Array(sku.utf8)) else { return false }
            let missing = ["name", "price"].filter { !row.fields.contains($0) }
            guard !missing.isEmpty else { return false }
            problems.add(
                "\(name):\(row.line): sku: there is no product '\(sku)', and a new one requires a "
                    + missing.joined(separator: " and a "))
            return true
        }
    }

    /// Notes for the user who loads the file.
    var remarks: [String] {
        var remarks: [String] = []
        if !leftOut.isEmpty {
            let reasons = leftOut.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
            remarks.append("Rows skipped: \(reasons.joined(separator: ", ")).")
        }
        // The currency was not specified, so report the default.
        let priced = rows.filter { $0.fields.contains("price") && !$0.fields.contains("currency") }
        if columns.position(of: "currency") == nil, let row = priced.first {
            remarks.append(
                "The file contains no currency; new prices are in \(row.product.currency). See --currency.")
        }
        return remarks
    }

    private func place(
        _ record: CSVReader.Record, _ field: String, _ message: String, _ said: [String: String]
    ) -> String {
        guard let position = columns.position(of: field), position < record.cells.count else {
            return "\(name):\(record.line): \(field.isEmpty ? "" : field + ": ")\(message)"
        }
        let value = String(record.cells[position].unicodeScalars.prefix(60))
        return "\(name):\(record.line): column \(position + 1) (\(columns.header[position])): '\(value)': \(message)"
    }
}
