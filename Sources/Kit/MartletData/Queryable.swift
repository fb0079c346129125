extension Queryable {
    /// Returns all rows, decoded with ``Row/decode(_:)``.
    /// - Throws: the errors of ``query(_:)``; ``DatabaseError/decoding(column:_:)``.
    public func all<T: Decodable>(_ type: T.Type, _ sql: SQL) async throws -> [T] {
        try await query(sql).decode(type)
    }

    /// Returns the first row, decoded; nil when there is none. Does not add a `LIMIT`.
    /// - Throws: the errors of ``all(_:_:)``.
    public func first<T: Decodable>(_ type: T.Type, _ sql: SQL) async throws -> T? {
        try await query(sql).first?.decode(type)
    }

    /// The one row that a statement gives, decoded: `INSERT … RETURNING`, or `UPDATE … RETURNING` of a row that is locked.
    /// - Throws: as ``all(_:_:)``; ``DatabaseError/other(code:message:)`` with `unexpected_rows` when there is none or more
    ///   than one. Clients see it as an internal error: it is the program that was wrong, not what they asked for.
    public func one<T: Decodable>(_ type: T.Type, _ sql: SQL) async throws -> T {
        let rows = try await query(sql)
        guard rows.count == 1, let row = rows.first else {
            throw DatabaseError.other(code: "unexpected_rows", message: "\(rows.count) rows where one must be")
        }
        return try row.decode(type)
    }

    /// Returns the first column of the first row; nil when there is no row or the value is NULL.
    /// - Throws: the errors of ``all(_:_:)``.
    public func value<T: SQLDecodable>(_ type: T.Type, _ sql: SQL) async throws -> T? {
        try await query(sql).first?[0, as: T?.self]
    }

    /// Returns the first column of every row.
    /// - Throws: the errors of ``all(_:_:)``.
    public func values<T: SQLDecodable>(_ type: T.Type, _ sql: SQL) async throws -> [T] {
        try await query(sql).map { try $0[0, as: type] }
    }

    /// Returns the result of a `SELECT count(*) …`; 0 when there is no row.
    /// - Throws: the errors of ``all(_:_:)``.
    public func count(_ sql: SQL) async throws -> Int { try await value(Int.self, sql) ?? 0 }

    /// Whether a `SELECT` returns any row.
    /// - Throws: the errors of ``all(_:_:)``.
    public func exists(_ sql: SQL) async throws -> Bool {
        try await value(Bool.self, "SELECT EXISTS (\(sql))") ?? false
    }
}
