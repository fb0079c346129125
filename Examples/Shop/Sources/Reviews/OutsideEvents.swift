import MartletMessaging

/// A user has rated a product in a program that collects ratings.
struct ProductRated: Event {
    static let type = "ratings.product_rated"
    static let isPublishedOutside = true

    let userID: Int64
    let username: String
    let productID: Int64
    let rating: Int
    let title: String
    var subject: String { "products/\(productID)" }
}

/// Moderators have removed a review, in a program of their own.
struct ReviewRemoved: Event {
    static let type = "moderation.review_removed"
    static let isPublishedOutside = true

    let reviewID: Int64
    var subject: String { "reviews/\(reviewID)" }
}
