import GRDBSQLite

/// Another connection holds the lock. The driver retries until the busy timeout, without blocking a thread.
struct SQLiteBusy: Error {}

/// Returns the last error of a connection.
func sqliteError(_ connection: OpaquePointer) -> any Error {
    let code = sqlite3_extended_errcode(connection)
    let message = sqlite3_errmsg(connection).map { String(cString: $0) } ?? "unknown error"
    switch code {
    case 2067, 1555, 2579:  // UNIQUE, PRIMARYKEY, ROWID
        return DatabaseError.unique(columns: constraintSubjects(message))
    case 787: return DatabaseError.foreignKey(message)
    case 275: return DatabaseError.check(constraintSubjects(message).joined(separator: ", "))
    case 1299: return DatabaseError.notNull(column: constraintSubjects(message).joined(separator: ", "))
    default: break
    }
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED: return SQLiteBusy()
    case SQLITE_INTERRUPT: return DatabaseError.timeout("the statement ran too long, or its task was cancelled")
    case SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_FULL, SQLITE_NOTADB, SQLITE_CORRUPT:
        return DatabaseError.unavailable(message)
    default:
        return DatabaseError.other(code: "SQLITE_\(code)", message: message)
    }
}

/// The columns in `UNIQUE constraint failed: users.email, users.tenant`: `email` and `tenant`. For an index on an
/// expression, its name: `UNIQUE constraint failed: index 'users_email'`.
private func constraintSubjects(_ message: String) -> [String] {
    guard let colon = message.firstIndex(of: ":") else { return [message] }
    let list = message[message.index(after: colon)...].drop { $0 == " " }
    if list.hasPrefix("index '"), list.hasSuffix("'") { return [String(list.dropFirst("index '".count).dropLast())] }
    return list.split(separator: ",").map { name in
        let name = name.drop { $0 == " " }
        return String(name.lastIndex(of: ".").map { name[name.index(after: $0)...] } ?? name)
    }
}
