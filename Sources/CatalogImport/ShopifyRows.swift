import MartletCore

/// Shopify's export of products. The rows of a product share its handle. The first row has the title. Each further row
/// is a variant with its own price, or only an image.
struct ShopifyRows: ProductRows {
    /// The column names of the export before and since 2025.
    static let names: [(field: String, names: [String])] = [
        ("$handle", ["Handle", "URL handle"]), ("name", ["Title"]), ("sku", ["Variant SKU", "SKU"]),
        ("price", ["Variant Price", "Price"]), ("description", ["Body (HTML)", "Description"]),
        ("category", ["Type"]), ("$category", ["Product Category", "Product category"]),
        ("stock", ["Variant Inventory Qty", "Inventory quantity"]), ("$status", ["Status"]),
        ("$option1", ["Option1 Value"]), ("$option2", ["Option2 Value"]), ("$option3", ["Option3 Value"]),
        ("currency", ["Currency"]),
    ]

    private struct Parent {
        let title: String
        let description: String
        let category: String
        /// Whether customers cannot see the product in the shop.
        let isHidden: Bool
    }

    private let columns: ProductColumns
    private var parents: [[UInt8]: Parent] = [:]

    init(_ columns: ProductColumns) { self.columns = columns }

    mutating func look(at cells: [String]) {
        let title = columns.text("name", cells)
        let handle = Array(columns.text("$handle", cells).utf8)
        guard !title.isEmpty, parents[handle] == nil else { return }
        let type = columns.text("category", cells)
        // `Apparel & Accessories > Clothing > Shirts`
        let leaf = columns.text("$category", cells).split(separator: ">").last?.trimmed ?? ""
        parents[handle] = Parent(
            title: title, description: HTMLText.plain(columns.text("description", cells)),
            category: type.isEmpty ? leaf : type,
            isHidden: ["draft", "archived", "unlisted"].contains(
                where: columns.text("$status", cells).lowercased().isExactly))
    }

    func read(_ cells: [String]) -> RowMeaning {
        let parent = parents[Array(columns.text("$handle", cells).utf8)]
        let price = columns.text("price", cells)
        let sku = columns.text("sku", cells)
        let hasTitle = !columns.text("name", cells).isEmpty
        if price.isEmpty, sku.isEmpty, !hasTitle { return .leftOut("images") }
        if parent?.isHidden == true { return .leftOut("drafts and archived products") }
        let options = ["$option1", "$option2", "$option3"].map { columns.text($0, cells) }
            .filter { !$0.isEmpty && !$0.isExactly("Default Title") }
        let title = parent?.title ?? ""
        return .product([
            "name": options.isEmpty || title.isEmpty ? title : title + " - " + options.joined(separator: " / "),
            "sku": sku, "price": price, "description": parent?.description ?? "", "category": parent?.category ?? "",
            "stock": columns.text("stock", cells), "currency": columns.text("currency", cells),
        ])
    }
}
