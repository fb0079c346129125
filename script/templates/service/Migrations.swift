public import MartletData

extension @Name@Service {
    public static let migrations = [
        Migration(1, "@table@") { dialect in
            [
                """
                CREATE TABLE @table@ (
                    id \(dialect.identity),
                    name TEXT NOT NULL,
                    notes TEXT NOT NULL,
                    created_at \(dialect.timestamp) NOT NULL,
                    updated_at \(dialect.timestamp) NOT NULL
                )
                """
            ]
        }
    ]
}
