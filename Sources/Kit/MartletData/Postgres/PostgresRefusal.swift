import CPostgres

/// Why a server has not let a connection in: because it is away, or because it refuses whom the URL names.
enum PostgresRefusal {
    /// - Parameter connection: one that has failed, with verbose messages.
    static func error(_ connection: OpaquePointer) -> DatabaseError {
        let message = connectionMessage(connection)
        // libpq asks the server for nothing without a password that the server wants.
        if PQconnectionNeedsPassword(connection) == 1 {
            return .other(code: "28P01", message: "the server wants a password, and the URL has none")
        }
        guard let refusal = parse(message) else { return .unavailable(message) }
        let error = DatabaseError.other(code: refusal.state, message: refusal.message)
        return error.isRefusal ? error : .unavailable(refusal.message)
    }

    /// Reads `… FATAL:  28P01: password authentication failed for user "x" LOCATION:  auth_failed, auth.c:330`. The first
    /// word is in the server's language.
    /// - Returns: nil for what the server has not said.
    static func parse(_ message: String) -> (state: String, message: String)? {
        guard let match = message.firstMatch(of: #/:  ([0-9A-Z]{5}): (.*)/#) else { return nil }
        var text = String(match.2)
        if let location = text.firstRange(of: #/ [A-Z]+:  \w+, \w+\.c:[0-9]+/#) {
            text = String(text[..<location.lowerBound])
        }
        return (String(match.1), text)
    }
}
