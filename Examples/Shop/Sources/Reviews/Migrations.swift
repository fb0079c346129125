public import MartletData

extension ReviewsService {
    public static let migrations = [
        Migration(1, "reviews") { dialect in
            [
                """
                CREATE TABLE reviews (
                    id \(dialect.identity),
                    product_id BIGINT NOT NULL,
                    author_id BIGINT NOT NULL,
                    author TEXT NOT NULL,
                    rating BIGINT NOT NULL CHECK (rating BETWEEN 1 AND 5),
                    title TEXT NOT NULL,
                    text TEXT NOT NULL,
                    created_at \(dialect.timestamp) NOT NULL,
                    updated_at \(dialect.timestamp) NOT NULL,
                    UNIQUE (product_id, author_id)
                )
                """
            ]
        }
    ]
}
