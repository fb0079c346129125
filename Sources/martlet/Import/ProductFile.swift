import Catalog
import MartletCore

/// A CSV file of products: which columns are which fields, and every value that is wrong with its place.
struct ProductFile {
    static let fields = ["name", "sku", "price", "currency", "description", "category", "stock"]

    struct Row {
        let line: Int
        let product: ProductInput
    }

    private(set) var rows: [Row] = []
    /// One line each: `products.csv:14: column 6 (unitPrice): 'abc': Must be a number.`
    private(set) var problems: [String] = []
    private let name: String

    /// - Parameter columns: a foreign file's name for a field: `["price": "unitPrice"]`.
    /// - Throws: ``UsageError`` when the file or its header cannot be read at all.
    init(_ bytes: [UInt8], name: String, columns: [String: String]) throws(UsageError) {
        self.name = name
        let records: [CSVReader.Record]
        do throws(CSVReader.SyntaxError) {
            records = try CSVReader.read(bytes)
        } catch {
            throw UsageError("\(name):\(error.line): \(error.message)")
        }
        guard let header = records.first else { throw UsageError("\(name): is empty") }
        let positions = try Self.positions(in: header.cells, of: name, columns)
        var lineOfSKU: [String: Int] = [:]
        for record in records.dropFirst() {
            guard record.cells.count == header.cells.count else {
                problems.append(
                    "\(name):\(record.line): has \(record.cells.count) columns, the header has \(header.cells.count)")
                continue
            }
            // An empty cell is an absent value: the field's default applies.
            let texts = positions.mapValues { record.cells[$0] }.filter { !$0.value.isEmpty }
            do {
                let product = try InputDecoder.decode(ProductInput.self, from: [.init(place: "csv", texts: texts)])
                if let sku = product.sku, let line = lineOfSKU.updateValue(record.line, forKey: sku) {
                    problems.append("\(name):\(record.line): sku: '\(sku)' is on line \(line) already")
                }
                rows.append(Row(line: record.line, product: product))
            } catch {
                for error in (error as? Problem)?.errors ?? [] {
                    problems.append(place(record, error, positions, header.cells))
                }
            }
        }
    }

    /// Leaves out the rows whose SKU a product has already.
    mutating func refuse(_ taken: Set<String>) {
        for row in rows {
            guard let sku = row.product.sku, taken.contains(sku) else { continue }
            problems.append("\(name):\(row.line): sku: a product with '\(sku)' is there already")
        }
        rows.removeAll { $0.product.sku.map(taken.contains) ?? false }
    }

    private static func positions(
        in header: [String], of file: String, _ columns: [String: String]
    ) throws(UsageError) -> [String: Int] {
        var positions: [String: Int] = [:]
        for field in fields {
            if let position = header.firstIndex(of: columns[field] ?? field) {
                positions[field] = position
            } else if let column = columns[field] {
                throw UsageError("\(file): there is no column '\(column)'; there are \(header.joined(separator: ", "))")
            }
        }
        for field in ["name", "price"] where positions[field] == nil {
            throw UsageError("\(file): no column for '\(field)'; say --map \(field)=COLUMN")
        }
        return positions
    }

    private func place(
        _ record: CSVReader.Record, _ error: FieldError, _ positions: [String: Int], _ header: [String]
    ) -> String {
        guard let field = error.loc.last, let position = positions[field] else {
            return "\(name):\(record.line): \(error.message)"
        }
        let value = record.cells[position].prefix(60)
        return "\(name):\(record.line): column \(position + 1) (\(header[position])): '\(value)': \(error.message)"
    }
}
