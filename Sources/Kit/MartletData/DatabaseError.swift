/// An error of the database.
///
/// Its `description` is for logs only: it may contain values of rows, so it must not be sent to clients.
public enum DatabaseError: Error, Sendable, Equatable {
    /// Another row has the same values in these columns. For an index on an expression, such as `lower(email)`, this is
    /// the name of the index.
    case unique(columns: [String])
    /// A row refers to a missing row, or is still referred to by another row.
    case foreignKey(String)
    /// A `CHECK` constraint failed. The value is its name, or its expression if it has none.
    case check(String)
    case notNull(column: String)
    /// The database cannot be reached, or the connection was lost before the response. The statement may or may not
    /// have been executed; in a transaction before its commit, it has no effect.
    case unavailable(String)
    /// The statement ran too long, or waited too long for a connection or a lock.
    case timeout(String)
    /// A row does not fit the type it is decoded into.
    case decoding(column: String, String)
    /// Any other error. `code` is PostgreSQL's SQLSTATE, `SQLITE_…` with the extended result code, or one of Martlet's
    /// own: `invalid_parameter`, `connection_escaped`, `transaction_aborted`, `migration`, `configuration`, `closed`,
    /// `invalid_columns`, `unexpected_rows`.
    case other(code: String, message: String)
}

extension DatabaseError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unique(let columns): "not unique: \(columns.joined(separator: ", "))"
        case .foreignKey(let message): "foreign key: \(message)"
        case .check(let constraint): "check constraint: \(constraint)"
        case .notNull(let column): "must not be null: \(column)"
        case .unavailable(let message): "database unavailable: \(message)"
        case .timeout(let message): "database timeout: \(message)"
        case .decoding(let column, let message): "column \(column): \(message)"
        case .other(let code, let message): "\(code): \(message)"
        }
    }
}

extension DatabaseError {
    /// Whether the server rejects the credentials or the database in the URL (SQLSTATE class 28, 3D000). Retrying does
    /// not help.
    public var isRefusal: Bool {
        guard case .other(let code, _) = self else { return false }
        return code.hasPrefix("28") || code == "3D000"
    }

    static let escapedConnection = DatabaseError.other(
        code: "connection_escaped", message: "the connection was used after its transaction ended")

    /// After a failed statement PostgreSQL rejects the rest of the transaction. The SQLite driver does the same, so
    /// that code behaves identically on both.
    static let abortedTransaction = DatabaseError.other(
        code: "transaction_aborted", message: "an earlier statement of this transaction failed; nothing was committed")

    static let closed = DatabaseError.other(code: "closed", message: "the database is closed")

    static let nulInText = DatabaseError.other(code: "invalid_parameter", message: "text must not contain NUL")
}
