public import MartletCore
public import MartletData
public import MartletWeb

/// A product for sale.
public struct Product: Model, Output, Versioned {
    public let id: ID<Product>
    public let name: String
    public let sku: String?
    public let price: Money
    public let currency: String
    public let description: String
    public let category: String
    public let stock: Int
    /// Derived from `stock` by the database.
    public let inStock: Bool
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    public static let table = "products"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the product.", list: [.filter, .order])
        Rule(CodingKeys.name, "The name of the product.", length: 1...200, list: [.search, .filter, .order])
        Rule(
            CodingKeys.sku, "The stock keeping unit, unique among products.", length: 1...64,
            list: [.search, .filter, .order])
        Rule(CodingKeys.price, "The unit price, exact to two decimal places.", list: [.filter, .order])
        Rule(
            CodingKeys.currency, "The currency of the price (ISO 4217).", format: .currency, default: "USD",
            list: .filter)
        Rule(CodingKeys.description, "A description for buyers.", length: 0...10_000, default: "", list: .search)
        Rule(
            CodingKeys.category, "The category of the product.", length: 0...100, default: "",
            list: [.search, .filter, .order])
        Rule(
            CodingKeys.stock, "The number of units in stock.", minimum: 0, maximum: 1_000_000_000, default: 0,
            list: [.filter, .order])
        Rule(CodingKeys.inStock, "Whether at least one unit is in stock.", list: .filter)
        Rule(CodingKeys.createdAt, "When the product was added.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the product was last changed.", list: [.filter, .order])
    }
}

/// The writable fields of a product, with the same rules.
public struct ProductInput: Input, Encodable {
    public let name: String
    public let sku: String?
    public let price: Money
    public let currency: String
    public let description: String
    public let category: String
    public let stock: Int

    public static let rules = Product.rules
}

/// A number of units to take out of stock.
public struct ReduceStock: Input {
    public let id: ID<Product>
    public let quantity: Int

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the product.")
        Rule(CodingKeys.quantity, "The number of units to take.", minimum: 1, maximum: 1_000_000_000, default: 1)
    }
}
