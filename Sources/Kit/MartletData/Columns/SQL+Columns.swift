public import MartletCore

extension SQL.StringInterpolation {
    /// Inserts the columns and values of a new row: `INSERT INTO notes \(values: input, with: ["owner": owner])`
    /// becomes `INSERT INTO notes ("title", "text", "owner") VALUES ($1, $2, $3)`.
    /// - Parameters:
    ///   - input: the value whose properties are the columns; see ``ColumnValues/init(of:)``.
    ///   - extra: additional columns.
    ///   - now: the value of `created_at` and `updated_at`; without it, these columns are omitted.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` when there are no columns, a column is
    ///   duplicate or has an invalid name, or the input has no named properties.
    public mutating func appendInterpolation(
        values input: some Encodable, with extra: ColumnValues = [:], stamped now: Timestamp? = nil
    ) throws {
        try appendInterpolation(rows: CollectionOfOne(input), with: extra, stamped: now)
    }

    /// Inserts the given columns and values of a new row.
    /// - Throws: the errors of ``appendInterpolation(values:with:stamped:)``.
    public mutating func appendInterpolation(values row: ColumnValues) throws {
        try appendInterpolation(rows: CollectionOfOne(row))
    }

    /// Inserts the columns and values of several new rows: `INSERT INTO notes \(rows: inputs)` becomes
    /// `INSERT INTO notes ("title", "text") VALUES ($1, $2), ($3, $4)`.
    ///
    /// A statement can have at most 32,766 values on SQLite and 65,535 on PostgreSQL.
    /// - Throws: the errors of ``appendInterpolation(values:with:stamped:)``; an error when there are no rows.
    public mutating func appendInterpolation<Inputs: Sequence>(
        rows inputs: Inputs, with extra: ColumnValues = [:], stamped now: Timestamp? = nil
    ) throws where Inputs.Element: Encodable {
        let encoder = ColumnEncoder()
        let stamps = now.map { ["created_at": $0, "updated_at": $0] as ColumnValues } ?? [:]
        var rows = NewRows()
        for input in inputs {
            let values = try encoder.values(of: input)
            if rows.isEmpty { try rows.begin(encoder.names + extra.names + stamps.names) }
            rows.append(values + extra.values + stamps.values)
        }
        appendInterpolation(try rows.sql)
    }

    /// Inserts the columns and values of several new rows, which must have the same columns in the same order.
    /// - Throws: the errors of ``appendInterpolation(rows:with:stamped:)``; an error for rows with different columns.
    public mutating func appendInterpolation<Rows: Sequence>(rows: Rows) throws where Rows.Element == ColumnValues {
        var new = NewRows()
        for row in rows {
            if new.isEmpty { try new.begin(row.names) }
            guard row.names == new.names else { throw DatabaseError.columns("the rows have different columns") }
            new.append(row.values)
        }
        appendInterpolation(try new.sql)
    }

    /// Inserts assignments of new values: `UPDATE notes SET \(set: input)` becomes
    /// `UPDATE notes SET "title" = $1, "text" = $2`.
    /// - Throws: the errors of ``appendInterpolation(values:with:stamped:)``.
    public mutating func appendInterpolation(set input: some Encodable, with extra: ColumnValues = [:]) throws {
        let columns = try ColumnValues(of: input)
        let names = columns.names + extra.names
        try SQL.check(names)
        var separator: StaticString = ""
        for (name, value) in zip(names, columns.values + extra.values) {
            appendInterpolation(raw: separator)
            appendInterpolation("\(identifier: name) = \(value)" as SQL)
            separator = ", "
        }
    }

    /// Inserts assignments of the values from the row that conflicted: `ON CONFLICT (sku) DO UPDATE SET \(excluded:
    /// row)` becomes `"name" = excluded."name", "price" = excluded."price"`.
    /// - Throws: the errors of ``appendInterpolation(values:with:stamped:)``.
    public mutating func appendInterpolation(excluded row: ColumnValues) throws {
        try SQL.check(row.names)
        let parts = row.names.map { "\(identifier: $0) = excluded.\(identifier: $0)" as SQL }
        appendInterpolation(parts.joined(separator: ", "))
    }
}

/// Collects the rows of an `INSERT` one by one.
private struct NewRows {
    private(set) var names: [String] = []
    private var values = SQL.empty

    var isEmpty: Bool { values.isEmpty }

    mutating func begin(_ names: [String]) throws {
        try SQL.check(names)
        self.names = names
    }

    mutating func append(_ row: [SQLValue]) {
        var separator: StaticString = isEmpty ? "(" : ", ("
        for value in row {
            values.append(literal: separator)
            values.bind(value)
            separator = ", "
        }
        values.append(literal: ")")
    }

    var sql: SQL {
        get throws {
            guard !isEmpty else { throw DatabaseError.columns("there are no rows") }
            return "(\(names.map { "\(identifier: $0)" as SQL }.joined(separator: ", "))) VALUES \(values)"
        }
    }
}

extension SQL {
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` when there is no name, or a duplicate or
    ///   invalid one.
    fileprivate static func check(_ names: [String]) throws {
        guard !names.isEmpty else { throw DatabaseError.columns("there are no columns") }
        var seen: Set<MemberName> = []
        for name in names {
            guard isIdentifier(name) else { throw DatabaseError.columns("'\(name)' is not a valid column name") }
            guard seen.insert(MemberName(name)).inserted else {
                throw DatabaseError.columns("the column '\(name)' occurs twice")
            }
        }
    }
}
