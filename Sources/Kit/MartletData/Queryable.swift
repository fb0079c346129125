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

    /// Returns the only row of a statement, decoded: of `INSERT … RETURNING`, or `UPDATE … RETURNING` of a locked row.
    /// - Throws: the errors of ``all(_:_:)``; ``DatabaseError/other(code:message:)`` with `unexpected_rows` unless
    ///   there is exactly one row. Clients see an internal error, because the program is at fault.
    public func one<T: Decodable>(_ type: T.Type, _ sql: SQL) async throws -> T {
        let rows = try await query(sql)
        guard rows.count == 1, let row = rows.first else {
            throw DatabaseError.other(code: "unexpected_rows", message: "expected one row, found \(rows.count)")
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
