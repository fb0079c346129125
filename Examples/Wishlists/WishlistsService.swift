import Contracts
import Logging
public import MartletCore
public import MartletData
public import MartletMessaging
public import MartletWeb

/// Products that users wait for. The guide on events and jobs shows its parts.
public struct WishlistsService: Service {
    public static let name = "wishlists"
    public static let summary = "Products that users wait for."
    public static let prefixes = ["/api/wishes"]
    public static let events: [any Event.Type] = [WishAdded.self]
    public static let migrations = [
        Migration(1, "wishes") { dialect in
            [
                """
                CREATE TABLE wishes (
                    id \(dialect.identity), user_id BIGINT NOT NULL, product_id BIGINT NOT NULL,
                    created_at \(dialect.timestamp) NOT NULL, told_at \(dialect.timestamp),
                    UNIQUE (user_id, product_id)
                )
                """
            ]
        }
    ]

    let wishes: WishStore
    let mailer: Mailer

    public init(_ platform: Platform, settings: NoSettings) {
        wishes = WishStore(database: platform.database, messages: platform.messages, clock: platform.clock)
        mailer = Mailer(logger: platform.logger)
    }

    public var routes: [Route] {
        Group("/api/wishes", tag: "Wishlists") {
            Post(use: add).signedIn.summary("Wish for a product")
        }
    }

    public var handlers: [Handler] {
        On(StockChanged.self, use: wishes.tellWaiting)
        On(UserDeleted.self, use: wishes.forgetUser)
        On(ProductDeleted.self, use: wishes.forgetProduct).unordered
    }

    public var jobs: [JobKind] {
        Run(SendNotice.self, use: send).queue("mail", concurrency: 4).attempts(12).timeout(.seconds(30))
        Run(CountWishes.self, use: count).coalesced
        Run(DeleteOldWishes.self, use: deleteOld).unique.timeout(.seconds(3600)).priority(9)
    }

    public var schedules: [Schedule] {
        Every("delete old wishes", "30 2 * * *", DeleteOldWishes(), in: "Europe/Berlin")
        Every("count wishes", "*/15 * * * *", CountWishes()).skippingMissed
    }

    @Sendable func add(_ context: Context, _ input: WishInput) async throws -> NoContent {
        try await wishes.add(input.productId, by: context.user().userID)
        return NoContent()
    }
}

struct WishInput: Input {
    let productId: Int64

    static let rules = Rules { Rule(CodingKeys.productId, "The id of the product.", minimum: 1) }
}

/// Stands for a mail server: it writes letters into the log.
struct Mailer: Sendable {
    let logger: Logger

    func send(_ text: String, to user: Int64, id: String) async throws {
        logger.info("letter", metadata: ["user": "\(user)", "text": "\(text)", "id": "\(id)"])
    }
}
