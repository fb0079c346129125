public import MartletCore
public import MartletMessaging

// The events of Catalog. Their subject is the product.

/// A product has been added, or changed in more than its stock.
public struct ProductChanged: Event {
    public static let type = "catalog.product_changed"
    public static let summary = "A product has been added, or changed in more than its stock."

    public let productID: Int64
    public let changed: [String]
    public let name: String
    public let sku: String?
    public let price: Money
    public let currency: String
    public let category: String
    public let updatedAt: Timestamp
    public var subject: String { "products/\(productID)" }

    public init(
        productID: Int64, changed: [String], name: String, sku: String?, price: Money, currency: String,
        category: String, updatedAt: Timestamp
    ) {
        self.productID = productID
        self.changed = changed
        self.name = name
        self.sku = sku
        self.price = price
        self.currency = currency
        self.category = category
        self.updatedAt = updatedAt
    }

    public static let rules = Rules {
        Rule(CodingKeys.productID, "The id of the product.", minimum: 1)
        Rule(
            CodingKeys.changed,
            "The names of the changed fields of /api/products/{id}: all of them for a new product. Values that are not in the "
                + "event can be read there.")
        Rule(CodingKeys.name, "The name of the product, after the change.")
        Rule(CodingKeys.sku, "The stock keeping unit, if the product has one.")
        Rule(CodingKeys.price, "The unit price, exact to two decimal places.")
        Rule(CodingKeys.currency, "The currency of the price (ISO 4217).", format: .currency)
        Rule(CodingKeys.category, "The category of the product. Empty if it has none.")
        Rule(CodingKeys.updatedAt, "When the product was changed: `updated_at` of the product.")
    }
}

/// A product has been deleted. It is the last event of the product.
public struct ProductDeleted: Event {
    public static let type = "catalog.product_deleted"
    public static let summary = "A product has been deleted. It is the last event of the product."

    public let productID: Int64
    public var subject: String { "products/\(productID)" }

    public init(productID: Int64) { self.productID = productID }

    public static let rules = Rules { Rule(CodingKeys.productID, "The id of the deleted product.", minimum: 1) }
}

/// The stock of a product has changed: by a sale, a delivery or a correction.
public struct StockChanged: Event {
    public static let type = "catalog.stock_changed"
    public static let summary = "The stock of a product has changed: by a sale, a delivery or a correction."

    public let productID: Int64
    public let stock: Int64
    public let change: Int64
    public let updatedAt: Timestamp
    public var subject: String { "products/\(productID)" }

    public init(productID: Int64, stock: Int64, change: Int64, updatedAt: Timestamp) {
        self.productID = productID
        self.stock = stock
        self.change = change
        self.updatedAt = updatedAt
    }

    public static let rules = Rules {
        Rule(CodingKeys.productID, "The id of the product.", minimum: 1)
        Rule(CodingKeys.stock, "The number of units in stock, after the change.", minimum: 0)
        Rule(CodingKeys.change, "The number of units added, or with a minus sign taken.")
        Rule(CodingKeys.updatedAt, "When the stock was changed: `updated_at` of the product.")
    }
}
