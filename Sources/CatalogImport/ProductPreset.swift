import ArgumentParser
import MartletCSV

/// The exports of shop systems, whose rows are not all products.
enum ProductPreset: String, CaseIterable, ExpressibleByArgument {
    case shopify, woocommerce

    func rows(_ columns: ProductColumns) -> any ProductRows {
        switch self {
        case .shopify: ShopifyRows(columns)
        case .woocommerce: WooCommerceRows(columns)
        }
    }

    /// What the export calls the columns of a field. What begins with `$` is no field, but read to tell what a row is.
    var names: [(field: String, names: [String])] {
        switch self {
        case .shopify: ShopifyRows.names
        case .woocommerce: WooCommerceRows.names
        }
    }

    /// What an export of this kind always has.
    var required: [String] {
        switch self {
        case .shopify: ["$handle", "name"]
        case .woocommerce: ["$type", "name"]
        }
    }
}

/// What the rows of a kind of file mean.
protocol ProductRows {
    /// Is told every row before the first is read.
    mutating func look(at cells: [String])
    mutating func read(_ cells: [String]) -> RowMeaning
}

enum RowMeaning {
    /// The texts of a product's fields; an absent or empty one is not said.
    case product([String: String])
    /// No product, for a reason to be counted: `images`.
    case leftOut(String)
}

/// A file whose every row is a product.
struct PlainRows: ProductRows {
    let columns: ProductColumns

    mutating func look(at cells: [String]) {}

    func read(_ cells: [String]) -> RowMeaning {
        .product(Dictionary(uniqueKeysWithValues: columns.fields.map { ($0, columns.text($0, cells)) }))
    }
}
