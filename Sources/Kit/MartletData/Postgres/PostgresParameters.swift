import CPostgres
import MartletCore

/// The parameters for opening a connection.
struct PostgresParameters: Sendable {
    let schema: String
    let connectTimeout: Duration
    let statementTimeout: Duration
    let lockTimeout: Duration
    let idleTransactionTimeout: Duration
    private let url: String

    init(url: String, schema: String, options: Database.Options) throws {
        try Self.validate(url: url, schema: schema)
        self.url = url
        self.schema = schema
        connectTimeout = options.connectTimeout
        statementTimeout = options.statementTimeout
        lockTimeout = options.leaseTimeout
        idleTransactionTimeout = options.idleTransactionTimeout
    }

    /// How long the server may be silent while a response is due: one second longer than its own statement timeout.
    var patience: Duration { statementTimeout + .seconds(1) }

    /// libpq's keywords. The URL overrides those before it; those after it override the URL.
    var keywords: [(String, String)] {
        [
            ("fallback_application_name", "martlet-\(schema)"),
            ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            // Closes the connection when sent data stays unacknowledged this long.
            ("tcp_user_timeout", String(patience.milliseconds)),
            ("dbname", url),
            ("client_encoding", "UTF8"),
        ]
    }

    /// Settings of the session, by name.
    var settings: [(StaticString, String)] {
        [
            ("search_path", String(decoding: quoted(schema), as: UTF8.self)),
            ("statement_timeout", String(statementTimeout.milliseconds)),
            // A statement waits for a lock no longer than for a connection. 0 would mean no limit.
            ("lock_timeout", String(max(1, lockTimeout.milliseconds))),
            ("idle_in_transaction_session_timeout", String(max(1, idleTransactionTimeout.milliseconds))),
            ("TimeZone", "UTC"), ("DateStyle", "ISO"), ("IntervalStyle", "iso_8601"), ("bytea_output", "hex"),
            ("extra_float_digits", "1"),
        ]
    }

    /// - Throws: ``DatabaseError/other(code:message:)`` with `configuration`. The message omits the URL.
    static func validate(url: String, schema: String) throws {
        guard !schema.isEmpty, schema.utf8.count <= 63, !schema.utf8.contains(0), !schema.hasPrefix("pg_") else {
            throw DatabaseError.configuration("the PostgreSQL schema must have 1 to 63 bytes and not begin with pg_")
        }
        guard !url.utf8.contains(0) else { throw DatabaseError.configuration("the PostgreSQL URL contains NUL") }
        var message: UnsafeMutablePointer<CChar>?
        if let options = PQconninfoParse(url, &message) {
            defer { PQconninfoFree(options) }
            try validatePort(options)
            return
        }
        defer { PQfreemem(message) }
        var reason = message.map { String(cString: $0) } ?? "out of memory"
        // Some of libpq's messages end with the URL, which may contain a password.
        if let range = reason.firstRange(of: "postgres") { reason = String(reason[..<range.lowerBound]) }
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        throw DatabaseError.configuration("the PostgreSQL URL is invalid: \(line.trimmed(of: " :\"("))")
    }
}

/// Checks the port, which libpq does not validate until it connects.
private func validatePort(_ options: UnsafeMutablePointer<PQconninfoOption>) throws {
    var option = options
    while let keyword = option.pointee.keyword {
        if String(cString: keyword) == "port", let value = option.pointee.val {
            let ports = String(cString: value).split(separator: ",", omittingEmptySubsequences: false)
            guard ports.allSatisfy({ $0.isEmpty || UInt16($0).map { $0 > 0 } ?? false }) else {
                throw DatabaseError.configuration("the PostgreSQL URL is invalid: the port must be 1 to 65535")
            }
        }
        option += 1
    }
}

extension String {
    fileprivate func trimmed(of characters: String) -> String {
        String(drop { characters.contains($0) }.reversed().drop { characters.contains($0) }.reversed())
    }
}
