public import MartletCore
public import MartletWeb

/// What categories are asked for.
public struct CategoryQuery: Input {
    public let search: String
    public let limit: Int

    public static let rules = Rules {
        Rule(
            CodingKeys.search, "Text to look for in the categories, in any case.", length: 0...100, default: "")
        Rule(CodingKeys.limit, "How many categories to give.", minimum: 1, maximum: 100, default: 20)
    }
}

/// A category and how many products are listed under it.
public struct CategoryCount: Codable, Sendable, Described {
    public let category: String
    public let count: Int

    public static let rules = Rules {
        Rule(CodingKeys.category, "What products are listed under.")
        Rule(CodingKeys.count, "How many products are listed under it.")
    }
}

/// The categories that products are listed under, in alphabetical order.
public struct CategoryList: Codable, Output, Described {
    public let items: [CategoryCount]
    public let total: Int

    public static let rules = Rules {
        Rule(CodingKeys.items, "The categories, in alphabetical order.")
        Rule(CodingKeys.total, "How many categories match.")
    }
}
