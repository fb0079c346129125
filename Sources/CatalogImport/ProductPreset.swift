import ArgumentParser
import MartletCSV

/// The export formats of shop systems, in which not every row is a product.
enum ProductPreset: String, CaseIterable, ExpressibleByArgument {
    case shopify, woocommerce

    func rows(_ columns: ProductColumns) -> any ProductRows {
        switch self {
        case .shopify: ShopifyRows(columns)
        case .woocommerce: WooCommerceRows(columns)
        }
    }

    /// The column names of each field. A name that begins with `$` is not a field but determines the meaning of a row.
    var names: [(field: String, names: [String])] {
        switch self {
        case .shopify: ShopifyRows.names
        case .woocommerce: WooCommerceRows.names
        }
    }

    /// The columns that every export of this kind has.
    var required: [String] {
        switch self {
        case .shopify: ["$handle", "name"]
        case .woocommerce: ["$type", "name"]
        }
    }
}

/// Interprets the rows of a kind of file.
protocol ProductRows {
    /// Called with every row before the first call of ``read(_:)``.
    mutating func look(at cells: [String])
    mutating func read(_ cells: [String]) -> RowMeaning
}

enum RowMeaning {
    /// The texts of a product's fields. An absent or empty text sets nothing.
    case product([String: String])
    /// Not a product, with the reason to count: `images`.
    case leftOut(String)
}

/// A file in which every row is a product.
struct PlainRows: ProductRows {
    let columns: ProductColumns

    mutating func look(at cells: [String]) {}

    func read(_ cells: [String]) -> RowMeaning {
        .product(Dictionary(uniqueKeysWithValues: columns.fields.map { ($0, columns.text($0, cells)) }))
    }
}
