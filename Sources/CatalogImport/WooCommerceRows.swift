import MartletCore

/// WooCommerce's own export of products. A variable product has no price. Its variations have prices and name their
/// parent.
struct WooCommerceRows: ProductRows {
    static let names: [(field: String, names: [String])] = [
        ("$id", ["ID"]), ("$type", ["Type"]), ("sku", ["SKU"]), ("name", ["Name"]), ("$published", ["Published"]),
        ("price", ["Regular price"]), ("description", ["Description"]), ("$short", ["Short description"]),
        ("category", ["Categories"]), ("stock", ["Stock"]), ("$parent", ["Parent"]), ("currency", ["Currency"]),
    ]

    private struct Parent {
        let description: String
        let category: String
        let isPublished: Bool
    }

    private let columns: ProductColumns
    /// Parents by `id:12` and by SKU.
    private var parents: [[UInt8]: Parent] = [:]

    init(_ columns: ProductColumns) { self.columns = columns }

    mutating func look(at cells: [String]) {
        guard isOne(of: ["variable"], cells) else { return }
        let parent = Parent(
            description: description(cells), category: category(cells), isPublished: isPublished(cells))
        let sku = columns.text("sku", cells)
        if !sku.isEmpty { parents[Array(sku.utf8)] = parent }
        parents[Array("id:\(columns.text("$id", cells))".utf8)] = parent
    }

    func read(_ cells: [String]) -> RowMeaning {
        if isOne(of: ["variable", "grouped"], cells) { return .leftOut("parents of other rows") }
        let parent = isOne(of: ["variation"], cells) ? parents[Array(columns.text("$parent", cells).utf8)] : nil
        guard isPublished(cells), parent?.isPublished != false else { return .leftOut("unpublished products") }
        let (own, ownCategory) = (description(cells), category(cells))
        return .product([
            "name": columns.text("name", cells), "sku": columns.text("sku", cells),
            "price": columns.text("price", cells), "stock": columns.text("stock", cells),
            "currency": columns.text("currency", cells),
            "description": own.isEmpty ? parent?.description ?? "" : own,
            "category": ownCategory.isEmpty ? parent?.category ?? "" : ownCategory,
        ])
    }

    /// A row may have several types: `simple, downloadable, virtual`.
    private func isOne(of types: [String], _ cells: [String]) -> Bool {
        let own = columns.text("$type", cells).lowercased().split(separator: ",").map(\.trimmed)
        return own.contains { type in types.contains(where: type.isExactly) }
    }

    /// 1 is published, 0 is private, -1 is a draft.
    private func isPublished(_ cells: [String]) -> Bool {
        let text = columns.text("$published", cells)
        return text.isEmpty || text.isExactly("1")
    }

    private func description(_ cells: [String]) -> String {
        let long = HTMLText.plain(columns.text("description", cells))
        return long.isEmpty ? HTMLText.plain(columns.text("$short", cells)) : long
    }

    /// The innermost level of the first category: `Hoodies` of `Clothing > Hoodies, Sale`.
    private func category(_ cells: [String]) -> String {
        let first = columns.text("category", cells).replacing("\\,", with: "\u{1F}").split(separator: ",").first ?? ""
        return first.split(separator: ">").last?.trimmed.replacing("\u{1F}", with: ",") ?? ""
    }
}
