public import MartletCore
public import MartletWeb

/// A query for categories.
public struct CategoryQuery: Input {
    public let search: String
    public let limit: Int

    public static let rules = Rules {
        Rule(
            CodingKeys.search, "A text contained in the category, in any case.", length: 0...100, default: "")
        Rule(CodingKeys.limit, "The maximum number of categories.", minimum: 1, maximum: 100, default: 20)
    }
}

/// A category and its number of products.
public struct CategoryCount: Codable, Sendable, Described {
    public let category: String
    public let count: Int

    public static let rules = Rules {
        Rule(CodingKeys.category, "The category.")
        Rule(CodingKeys.count, "The number of products in the category.")
    }
}

/// The categories of products, in alphabetical order.
public struct CategoryList: Codable, Output, Described {
    public let items: [CategoryCount]
    public let total: Int

    public static let rules = Rules {
        Rule(CodingKeys.items, "The categories, in alphabetical order.")
        Rule(CodingKeys.total, "The number of matching categories.")
    }
}
