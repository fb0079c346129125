/// The rows of a result, in the database's order.
public struct Rows: RandomAccessCollection, Sendable {
    let table: any ResultTable

    public var startIndex: Int { 0 }
    public var endIndex: Int { table.rowCount }

    /// - Precondition: `position` is a valid index of the collection.
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < table.rowCount, "row index out of range")
        return Row(table: table, index: position)
    }

    /// The names of the columns, in order.
    public var columns: [String] {
        (0..<table.columnCount).map { String(decoding: table.name($0), as: UTF8.self) }
    }

    /// Decodes every row. See ``Row/decode(_:)``.
    /// - Throws: ``DatabaseError/decoding(column:_:)``.
    public func decode<T: Decodable>(_ type: T.Type) throws -> [T] {
        let decoder = RowDecoder(table)
        var values: [T] = []
        values.reserveCapacity(count)
        for index in 0..<count { values.append(try decoder.decode(type, row: index)) }
        return values
    }
}

/// One row of a result.
public struct Row: Sendable {
    let table: any ResultTable
    let index: Int

    /// The value of a column: `let name = try row["name", as: String.self]`.
    /// - Throws: ``DatabaseError/decoding(column:_:)`` when the column does not exist or its value is not a `T`. NULL
    ///   decodes only as an `Optional`.
    public subscript<T: SQLDecodable>(column: String, as type: T.Type = T.self) -> T {
        get throws {
            for candidate in 0..<table.columnCount where table.name(candidate).elementsEqual(column.utf8) {
                return try self[candidate, as: type]
            }
            throw DatabaseError.decoding(column: column, "no such column")
        }
    }

    /// The value of the column at a position, counted from 0.
    /// - Throws: ``DatabaseError/decoding(column:_:)``.
    public subscript<T: SQLDecodable>(position: Int, as type: T.Type = T.self) -> T {
        get throws {
            guard position >= 0, position < table.columnCount else {
                throw DatabaseError.decoding(column: "\(position)", "no such column")
            }
            let cell = table.cell(index, position)
            guard let value = T(sqlValue: cell.value) else {
                throw mismatch(cell, type, in: table, column: position)
            }
            return value
        }
    }

    /// Decodes the row.
    ///
    /// A property of a synthesized `Decodable` is read from the column of its name: `createdAt` from `created_at`. A
    /// property with a nested type (a struct, an array, a dictionary) is read from the JSON text in its column. A row
    /// of one column also decodes as a single value. A missing column is an error even for an optional property, so
    /// that no value is lost silently.
    /// - Throws: ``DatabaseError/decoding(column:_:)``.
    public func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try RowDecoder(table).decode(type, row: index)
    }
}

/// The error for a value of the wrong type.
func mismatch(_ cell: Cell, _ type: Any.Type, in table: any ResultTable, column: Int) -> DatabaseError {
    .decoding(column: String(decoding: table.name(column), as: UTF8.self), "\(cell.kind) is not a valid \(type)")
}
