public import MartletCore

extension SQL.StringInterpolation {
    /// The columns and the values of one new row: `INSERT INTO notes \(values: input, with: ["owner": owner])` becomes
    /// `INSERT INTO notes ("title", "text", "owner") VALUES ($1, $2, $3)`.
    /// - Parameters:
    ///   - input: whose properties are columns, see ``ColumnValues/init(of:)``.
    ///   - extra: the columns that are no property of it.
    ///   - now: what `created_at` and `updated_at` become; without it they are not among the columns.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` when there is no column, a column is there
    ///   twice or has an impossible name, or the input is not made of named properties.
    public mutating func appendInterpolation(
        values input: some Encodable, with extra: ColumnValues = [:], stamped now: Timestamp? = nil
    ) throws {
        try appendInterpolation(rows: CollectionOfOne(input), with: extra, stamped: now)
    }

    /// The columns and the values of one new row, all written out.
    /// - Throws: as ``appendInterpolation(values:with:stamped:)``.
    public mutating func appendInterpolation(values row: ColumnValues) throws {
        try appendInterpolation(rows: CollectionOfOne(row))
    }

    /// The columns and the values of many new rows: `INSERT INTO notes \(rows: inputs)` becomes
    /// `INSERT INTO notes ("title", "text") VALUES ($1, $2), ($3, $4)`.
    ///
    /// A statement carries at most 32,766 values on SQLite and 65,535 on PostgreSQL.
    /// - Throws: as ``appendInterpolation(values:with:stamped:)``, and when there is no row.
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

    /// The columns and the values of many new rows, all of which have the same columns in the same order.
    /// - Throws: as ``appendInterpolation(rows:with:stamped:)``, and for rows of different columns.
    public mutating func appendInterpolation<Rows: Sequence>(rows: Rows) throws where Rows.Element == ColumnValues {
        var new = NewRows()
        for row in rows {
            if new.isEmpty { try new.begin(row.names) }
            guard row.names == new.names else { throw DatabaseError.columns("the rows have different columns") }
            new.append(row.values)
        }
        appendInterpolation(try new.sql)
    }

    /// The new values of a row's columns: `UPDATE notes SET \(set: input)` becomes
    /// `UPDATE notes SET "title" = $1, "text" = $2`.
    /// - Throws: as ``appendInterpolation(values:with:stamped:)``.
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

    /// The values of the row that was not inserted, for the columns of it:
    /// `ON CONFLICT (sku) DO UPDATE SET \(excluded: row)` becomes `"name" = excluded."name", "price" = excluded."price"`.
    /// - Throws: as ``appendInterpolation(values:with:stamped:)``.
    public mutating func appendInterpolation(excluded row: ColumnValues) throws {
        try SQL.check(row.names)
        let parts = row.names.map { "\(identifier: $0) = excluded.\(identifier: $0)" as SQL }
        appendInterpolation(parts.joined(separator: ", "))
    }
}

/// Rows that are going to be inserted, as they are added one by one.
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
            guard !isEmpty else { throw DatabaseError.columns("there is no row") }
            return "(\(names.map { "\(identifier: $0)" as SQL }.joined(separator: ", "))) VALUES \(values)"
        }
    }
}

extension SQL {
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` when there is none, one twice, or one that
    ///   cannot be a column.
    fileprivate static func check(_ names: [String]) throws {
        guard !names.isEmpty else { throw DatabaseError.columns("there is no column") }
        var seen: Set<MemberName> = []
        for name in names {
            guard isIdentifier(name) else { throw DatabaseError.columns("'\(name)' cannot be the name of a column") }
            guard seen.insert(MemberName(name)).inserted else {
                throw DatabaseError.columns("the column \(name) is there twice")
            }
        }
    }
}
