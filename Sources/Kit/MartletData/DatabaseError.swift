/// What a database said no to.
///
/// Its `description` is for logs. It may hold values of rows, so it is never for clients.
public enum DatabaseError: Error, Sendable, Equatable {
    /// Another row has the same values in these columns. For an index over an expression, such as `lower(email)`,
    /// it is the index's name instead.
    case unique(columns: [String])
    /// A row refers to one that is not there, or is referred to by one that would lose it.
    case foreignKey(String)
    /// A `CHECK` constraint; the name, or its expression if it has none.
    case check(String)
    case notNull(column: String)
    /// The database cannot be reached, or went away before it answered. What was sent may or may not have been
    /// done; inside a transaction that did not get to its commit, it was not.
    case unavailable(String)
    /// Took too long: waiting for a connection or a lock, or running.
    case timeout(String)
    /// A row does not fit the type it is decoded into.
    case decoding(column: String, String)
    /// Everything else: `code` is PostgreSQL's SQLSTATE, or `SQLITE_…` with the extended result code, or one of
    /// Martlet's own: `invalid_parameter`, `connection_escaped`, `transaction_aborted`, `migration`, `configuration`,
    /// `closed`, `invalid_columns`, `unexpected_rows`.
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
    /// Whether the server refuses whom or what the URL names: a wrong password, a user or database that is not there
    /// (SQLSTATE class 28, 3D000). Waiting does not help.
    public var isRefusal: Bool {
        guard case .other(let code, _) = self else { return false }
        return code.hasPrefix("28") || code == "3D000"
    }

    static let escapedConnection = DatabaseError.other(
        code: "connection_escaped", message: "the connection was used after its transaction had ended")

    /// After a failed statement PostgreSQL refuses the rest of the transaction; the SQLite driver does the same, so
    /// that code behaves alike on both.
    static let abortedTransaction = DatabaseError.other(
        code: "transaction_aborted", message: "an earlier statement of this transaction failed; nothing is committed")

    static let closed = DatabaseError.other(code: "closed", message: "the database has been closed")

    static let nulInText = DatabaseError.other(code: "invalid_parameter", message: "a text must not contain NUL")
}
