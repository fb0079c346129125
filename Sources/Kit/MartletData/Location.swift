extension Database {
    /// Where a database is.
    public enum Location: Sendable, Hashable {
        /// A file, created when it is missing (readable by its owner only).
        case sqlite(path: String)
        /// A database that is gone when it is closed, with a single connection.
        case sqliteInMemory
        /// One schema of a PostgreSQL database; `url` takes all of libpq's parameters.
        case postgres(url: String, schema: String)
    }
}

extension Database.Location {
    /// Reads `postgres://user:password@host:5432/name?sslmode=verify-full`, `sqlite:relative/path`,
    /// `sqlite:///absolute/path` or `sqlite::memory:`.
    /// - Parameter schema: the PostgreSQL schema; SQLite has none.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `configuration` and one line that says what is wrong,
    ///   without the URL, which may hold a password.
    public init(url: String, schema: String) throws {
        if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            try PostgresParameters.validate(url: url, schema: schema)
            self = .postgres(url: url, schema: schema)
        } else if url == "sqlite::memory:" {
            self = .sqliteInMemory
        } else if url.hasPrefix("sqlite:") {
            var path = url.dropFirst("sqlite:".count)
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard !path.isEmpty, !path.utf8.contains(0) else {
                throw DatabaseError.configuration("the SQLite URL has no path")
            }
            self = .sqlite(path: String(path))
        } else {
            throw DatabaseError.configuration("the database URL must begin with postgres:// or sqlite:")
        }
    }
}

extension DatabaseError {
    static func configuration(_ message: String) -> DatabaseError { .other(code: "configuration", message: message) }
}
