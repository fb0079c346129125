public import MartletMessaging
public import MartletWeb

/// Reviews of products. Reading is public. A user can write one review per product and change only their own.
public struct ReviewsService: Service {
    public static let name = "reviews"
    public static let summary = "Reviews of products."
    public static let prefixes = ["/api/reviews"]
    public static let pages = [Review.page]

    let reviews: ReviewStore
    let products: ProductDirectory
    let maximumLength: Int

    public init(_ platform: Platform, settings: ReviewsSettings) throws(ServiceError) {
        reviews = ReviewStore(database: platform.database, clock: platform.clock)
        products = ProductDirectory(catalog: try platform.client(of: "catalog"))
        maximumLength = settings.maximumLength
    }

    public var routes: [Route] {
        Group("/api/reviews", tag: "Reviews") {
            Get(use: list).public.summary("List reviews")
            Post(use: create).signedIn.summary("Review a product")
            Get("{id}", use: find).public.summary("Read a review")
            Patch("{id}", use: update).signedIn.summary("Change your review")
            Delete("{id}", use: delete).signedIn.summary("Delete your review")
        }
    }

    public var handlers: [Handler] {
        On(ProductRated.self, use: reviews.add)
        On(ReviewRemoved.self, use: reviews.remove)
    }
}
