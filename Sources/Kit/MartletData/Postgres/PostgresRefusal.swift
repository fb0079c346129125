import CPostgres

/// The reason a connection failed: the server is unavailable, or it rejects the credentials or database in the URL.
enum PostgresRefusal {
    /// - Parameter connection: a failed connection with verbose messages.
    static func error(_ connection: OpaquePointer) -> DatabaseError {
        let message = connectionMessage(connection)
        // Without a required password, libpq fails before the server reports an SQLSTATE.
        if PQconnectionNeedsPassword(connection) == 1 {
            return .other(code: "28P01", message: "the server requires a password, but the URL has none")
        }
        guard let refusal = parse(message) else { return .unavailable(message) }
        let error = DatabaseError.other(code: refusal.state, message: refusal.message)
        return error.isRefusal ? error : .unavailable(refusal.message)
    }

    /// Parses `… FATAL:  28P01: password authentication failed for user "x" LOCATION:  auth_failed, auth.c:330`. The
    /// first word is in the server's language.
    /// - Returns: nil for a message that is not from the server.
    static func parse(_ message: String) -> (state: String, message: String)? {
        guard let match = message.firstMatch(of: #/:  ([0-9A-Z]{5}): (.*)/#) else { return nil }
        var text = String(match.2)
        if let location = text.firstRange(of: #/ [A-Z]+:  \w+, \w+\.c:[0-9]+/#) {
            text = String(text[..<location.lowerBound])
        }
        return (String(match.1), text)
    }
}
