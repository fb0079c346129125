public import MartletCore
public import MartletData
public import MartletWeb

/// Something that can be sold.
public struct Product: Model, Output, Versioned {
    public let id: ID<Product>
    public let name: String
    public let sku: String?
    public let price: Money
    public let currency: String
    public let description: String
    public let category: String
    public let stock: Int
    /// Derived from the stock, by the database.
    public let inStock: Bool
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    public static let table = "products"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The number of the product.", list: [.filter, .order])
        Rule(CodingKeys.name, "What buyers read first.", length: 1...200, list: [.search, .filter, .order])
        Rule(
            CodingKeys.sku, "The stock keeping unit; no two products share one.", length: 1...64,
            list: [.search, .filter, .order])
        Rule(CodingKeys.price, "What one costs, exact to two decimals.", list: [.filter, .order])
        Rule(
            CodingKeys.currency, "The currency of the price (ISO 4217).", format: .currency, default: "USD",
            list: .filter)
        Rule(CodingKeys.description, "What else there is to say.", length: 0...10_000, default: "", list: .search)
        Rule(
            CodingKeys.category, "What the product is listed under.", length: 0...100, default: "",
            list: [.search, .filter, .order])
        Rule(
            CodingKeys.stock, "How many are there.", minimum: 0, maximum: 1_000_000_000, default: 0,
            list: [.filter, .order])
        Rule(CodingKeys.inStock, "Whether there is at least one.", list: .filter)
        Rule(CodingKeys.createdAt, "When the product was added.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the product was last changed.", list: [.filter, .order])
    }
}

/// What is written of a product; its rules are the product's.
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

/// How many of a product are taken.
public struct ReduceStock: Input {
    public let id: ID<Product>
    public let quantity: Int

    public static let rules = Rules {
        Rule(CodingKeys.id, "The product.")
        Rule(CodingKeys.quantity, "How many are taken.", minimum: 1, maximum: 1_000_000_000, default: 1)
    }
}
