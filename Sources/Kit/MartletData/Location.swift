extension Database {
    /// Where a database is.
    public enum Location: Sendable, Hashable {
        /// A file. If it is missing, it is created, readable by its owner only.
        case sqlite(path: String)
        /// An in-memory database with a single connection. Its contents are lost when it is closed.
        case sqliteInMemory
        /// One schema of a PostgreSQL database. `url` accepts all of libpq's parameters.
        case postgres(url: String, schema: String)
    }
}

extension Database.Location {
    /// Reads `postgres://user:password@host:5432/name?sslmode=verify-full`, `sqlite:relative/path`,
    /// `sqlite:///absolute/path` or `sqlite::memory:`.
    /// - Parameter schema: the PostgreSQL schema; SQLite has none.
    /// - Throws: ``DatabaseError/other(code:message:)`` with the code `configuration` and a one-line message that omits
    ///   the URL, which may contain a password.
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
