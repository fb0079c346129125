import Catalog
import MartletCSV
import MartletCore
import MartletPlatform

/// Shows how a file is read, before anything is written.
struct ImportPreview {
    private static let shownRows = 5

    let lines: [String]

    init(_ products: ProductFile, name: String) {
        let delimiter = ImportMessages.name(of: Character(UnicodeScalar(products.dialect.delimiter)))
        var lines = [
            "\(name): \(products.encoding.name), columns separated by \(delimiter), decimal \(products.decimal)"
        ]
        for field in products.columns.fields {
            guard let position = products.columns.position(of: field) else { continue }
            let column = String(products.columns.header[position].unicodeScalars.prefix(60))
            lines.append("  \(field): column \(position + 1) (\(column))")
        }
        lines.append("\(Terminal.count(products.rows.count, "product")) would be written.")
        for row in products.rows.prefix(Self.shownRows) {
            lines.append("  line \(row.line): " + Self.summary(row))
        }
        if products.rows.count > Self.shownRows { lines.append("  …") }
        self.lines = (lines + products.remarks + ["Nothing has been written."]).map(Terminal.shown)
    }

    private static func summary(_ row: ProductFile.Row) -> String {
        let product = row.product
        var parts: [String] = []
        if let sku = product.sku { parts.append(sku) }
        if row.fields.contains("name") { parts.append(product.name) }
        if row.fields.contains("price") { parts.append("\(product.price) \(product.currency)") }
        if row.fields.contains("stock") { parts.append("\(product.stock) in stock") }
        return parts.joined(separator: ", ")
    }
}
