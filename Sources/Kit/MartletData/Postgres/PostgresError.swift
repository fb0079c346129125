import CPostgres

/// The reason a statement failed, and whether to retry it.
struct PostgresFailure: Error {
    enum Remedy {
        case none
        /// The connection is lost and the outcome is unknown. A reading statement may be sent again.
        case reconnect
        /// The prepared statement is missing or no longer fits the schema. Nothing was executed.
        case prepareAgain
    }

    let error: DatabaseError
    var remedy = Remedy.none
}

extension PostgresFailure {
    /// Reads the error that a `PGresult` holds.
    init(result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            guard let code = code.asciiValue, let text = PQresultErrorField(result, CInt(code)) else { return nil }
            return String(cString: text)
        }
        // The letters are libpq's PG_DIAG_… constants, which are macros that Swift does not import.
        guard let state = field("C") else {
            // An error of libpq itself: the connection is lost.
            let message = field("M") ?? PQresultErrorMessage(result).map { String(cString: $0) } ?? "connection lost"
            self.init(error: .unavailable(oneLine(message)), remedy: .reconnect)
            return
        }
        let detail = field("D")
        let constraint = field("n") ?? ""
        let message = [field("M") ?? "unknown error", detail].compactMap { $0 }.joined(separator: ": ")
        switch state {
        case "23505":
            let columns = detail.flatMap(Self.keyColumns) ?? [constraint]
            self.init(error: .unique(columns: columns))
        case "23503": self.init(error: .foreignKey(message))
        case "23514": self.init(error: .check(constraint))
        case "23502": self.init(error: .notNull(column: field("c") ?? ""))
        case "57014", "55P03": self.init(error: .timeout(message))
        case "25P02": self.init(error: .abortedTransaction)
        case "57P01", "57P02", "57P03", "53300":
            self.init(error: .unavailable(message), remedy: .reconnect)
        case _ where state.hasPrefix("08"):
            self.init(error: .unavailable(message), remedy: .reconnect)
        default:
            let isStale = state == "26000" || state == "0A000" && field("R") == "RevalidateCachedQuery"
            self.init(error: .other(code: state, message: message), remedy: isStale ? .prepareAgain : .none)
        }
    }

    /// The names before `)=(` in `Key (email, tenant)=(a@b.c, 1) already exists.`, in any language. Nil if one of them
    /// is an expression.
    private static func keyColumns(_ detail: String) -> [String]? {
        guard let open = detail.firstIndex(of: "(") else { return nil }
        var columns: [String] = []
        var name = ""
        var isQuoted = false
        for character in detail[detail.index(after: open)...] {
            switch character {
            case "\"": isQuoted.toggle()
            case "(" where !isQuoted: return nil
            case ")" where !isQuoted: return columns + [name]
            case "," where !isQuoted:
                columns.append(name)
                name = ""
            case " " where !isQuoted && name.isEmpty: break
            default: name.append(character)
            }
        }
        return nil
    }
}

/// The last error message of a connection, as one line.
func connectionMessage(_ connection: OpaquePointer?) -> String {
    guard let message = PQerrorMessage(connection) else { return "out of memory" }
    let line = oneLine(String(cString: message))
    return line.isEmpty ? "the connection was closed" : line
}

private func oneLine(_ message: String) -> String {
    message.split { $0.isNewline || $0 == "\t" }.joined(separator: " ")
}
