public import MartletCore
public import MartletMessaging

/// A user has wished for a product.
public struct WishAdded: Event {
    public static let type = "wishlists.wish_added"
    public static let summary = "A user has wished for a product."

    public let userID: Int64
    public let productID: Int64
    public var subject: String { "users/\(userID)" }

    public init(userID: Int64, productID: Int64) {
        self.userID = userID
        self.productID = productID
    }

    public static let rules = Rules {
        Rule(CodingKeys.userID, "The id of the user.", minimum: 1)
        Rule(CodingKeys.productID, "The id of the product.", minimum: 1)
    }
}
