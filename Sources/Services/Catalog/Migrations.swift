public import MartletData
import MartletWeb

extension CatalogService {
    public static let migrations = [
        Migration(1, "products") { dialect in
            [
                """
                CREATE TABLE products (
                    id \(dialect.identity),
                    name TEXT NOT NULL,
                    sku TEXT UNIQUE,
                    price \(dialect.money) NOT NULL CHECK (price >= 0),
                    currency TEXT NOT NULL,
                    description TEXT NOT NULL,
                    category TEXT NOT NULL,
                    stock BIGINT NOT NULL CHECK (stock >= 0),
                    in_stock BOOLEAN NOT NULL GENERATED ALWAYS AS (stock > 0) STORED,
                    created_at \(dialect.timestamp) NOT NULL,
                    updated_at \(dialect.timestamp) NOT NULL
                )
                """,
                "CREATE INDEX products_category ON products (category)",
                "CREATE INDEX products_price ON products (price)",
            ]
        },
        Migration(2, "imports in the background") { _ in
            [
                """
                CREATE TABLE import_batches
                (import_id TEXT NOT NULL, number BIGINT NOT NULL, rows TEXT NOT NULL, PRIMARY KEY (import_id, number))
                """
            ]
        },
    ]
}
