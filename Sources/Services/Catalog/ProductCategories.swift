public import MartletCore
import MartletData
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

extension ProductStore {
    /// The categories that contain a text, with how many products each has. Products without a category do not count.
    public func categories(_ query: CategoryQuery) async throws -> CategoryList {
        struct Counted: Decodable {
            let category: String
            let count: Int
            let total: Int
        }
        let matching: SQL =
            query.search.isEmpty
            ? "category <> ''" : database.dialect.contains(column: "category", text: query.search)
        let rows = try await database.query(
            """
            SELECT category, count(*) AS count, count(*) OVER () AS total FROM products WHERE \(matching)
            GROUP BY category ORDER BY \(database.dialect.alphabetical("category")), category LIMIT \(query.limit)
            """, query.search.isEmpty ? .list : .scan
        ).decode(Counted.self)
        return CategoryList(
            items: rows.map { CategoryCount(category: $0.category, count: $0.count) }, total: rows.first?.total ?? 0)
    }
}
