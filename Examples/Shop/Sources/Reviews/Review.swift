public import MartletCore
public import MartletData
public import MartletWeb

/// A user's review of a product.
public struct Review: Model, Output, Versioned {
    public let id: ID<Review>
    public let productId: Int64
    public let author: String
    public let rating: Int
    public let title: String
    public let text: String
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    public static let table = "reviews"

    public static let rules = Rules {
        Rule(CodingKeys.id, "The id of the review.", list: [.filter, .order])
        Rule(CodingKeys.productId, "The id of the product.", minimum: 1, list: [.filter, .order])
        Rule(CodingKeys.author, "The username of the author.", list: [.search, .filter])
        Rule(CodingKeys.rating, "From 1 (poor) to 5 (excellent).", minimum: 1, maximum: 5, list: [.filter, .order])
        Rule(CodingKeys.title, "The title of the review.", length: 1...120, list: [.search, .order])
        Rule(CodingKeys.text, "The text of the review.", length: 0...10_000, default: "", list: .search)
        Rule(CodingKeys.createdAt, "When the review was written.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the review was last changed.", list: .order)
    }

    static let page = ConsolePage(
        "/reviews", icon: "rate_review", title: .init("Reviews", chinese: "评论"), list: "/api/reviews",
        canSearch: true,
        columns: [
            .init(CodingKeys.title, .init("Title", chinese: "标题"), isSortable: true),
            .init(CodingKeys.productId, .init("Product", chinese: "商品"), .number, isSortable: true),
            .init(CodingKeys.rating, .init("Rating", chinese: "评分"), .number, isSortable: true),
            .init(CodingKeys.author, .init("Author", chinese: "作者")),
            .init(CodingKeys.createdAt, .init("Written", chinese: "发表时间"), .time, isSortable: true),
        ])
}

/// The writable fields of a review, with the same rules.
public struct ReviewInput: Input, Encodable {
    public let productId: Int64
    public let rating: Int
    public let title: String
    public let text: String

    public static let rules = Review.rules
}
