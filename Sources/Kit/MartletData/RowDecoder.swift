import MartletCore

/// Decodes synthesized `Decodable` types from the rows of one table.
///
/// The only allocation for a row is the container that `Codable` requires. Synthesized code decodes properties in
/// order, which is nearly always the order of the columns, so the next column is tried first.
final class RowDecoder: Decoder {
    let table: any ResultTable
    private var row = 0
    private var nextColumn = 0

    init(_ table: any ResultTable) { self.table = table }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decode<T: Decodable>(_ type: T.Type, row: Int) throws -> T {
        self.row = row
        nextColumn = 0
        do {
            if table.columnCount == 1, let value = try leaf(0).known(type) { return value }
            return try T(from: self)
        } catch let error as DatabaseError {
            throw error
        } catch {
            throw DatabaseError.decoding(column: "?", explain(error))
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RowContainer<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try onlyColumn().unkeyedContainer() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { try onlyColumn() }

    private func onlyColumn() throws -> CellDecoder {
        guard table.columnCount == 1 else {
            throw DatabaseError.decoding(column: "?", "expected one column, found \(table.columnCount)")
        }
        return leaf(0)
    }

    private func leaf(_ column: Int) -> CellDecoder { CellDecoder(table: table, row: row, column: column) }

    fileprivate func find(_ name: String) -> Int? {
        let count = table.columnCount
        let next = nextColumn
        if next < count, matches(name, column: next) {
            nextColumn = next + 1
            return next
        }
        for column in 0..<count where matches(name, column: column) {
            nextColumn = column + 1
            return column
        }
        return nil
    }

    fileprivate func cell(_ key: some CodingKey) throws -> CellDecoder {
        let name = key.stringValue
        guard let column = find(name) else {
            throw DatabaseError.decoding(column: name.snakeCased, "no such column")
        }
        return leaf(column)
    }

    /// Whether a property's name matches a column: `createdAt` matches `created_at`, and `imageURL` matches
    /// `image_url`.
    private func matches(_ property: String, column: Int) -> Bool {
        let column = table.name(column)
        var property = property
        return property.withUTF8 { property in
            property.elementsEqual(column) || SnakeCase(property).elementsEqual(column)
        }
    }
}

private struct RowContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RowDecoder

    var codingPath: [any CodingKey] { [] }

    var allKeys: [Key] {
        (0..<decoder.table.columnCount).compactMap {
            Key(stringValue: String(decoding: decoder.table.name($0), as: UTF8.self))
        }
    }

    func contains(_ key: Key) -> Bool { decoder.find(key.stringValue) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try decoder.cell(key).decodeNil() }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder.cell(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder.cell(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder.cell(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decoder.cell(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder.cell(key).integer() }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder.cell(key).integer() }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder.cell(key).integer() }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder.cell(key).integer() }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder.cell(key).integer() }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder.cell(key).integer() }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder.cell(key).integer() }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder.cell(key).integer() }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder.cell(key).integer() }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder.cell(key).integer() }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try decoder.cell(key).decode(type) }

    // The default implementations would search for the column three times and treat a missing column as nil.
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try decoder.cell(key).optional(type) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try decoder.cell(key).optional(type)
    }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
        try decoder.cell(key).optional(type)
    }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try decoder.cell(key).optional(type) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try decoder.cell(key).optional(type) }
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        try decoder.cell(key).optional(type)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { try decoder.cell(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder.cell(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder.cell(key) }
}

/// The error of a type's own `init(from:)`, in one line.
func explain(_ error: any Error) -> String {
    switch error {
    case DecodingError.dataCorrupted(let context), DecodingError.keyNotFound(_, let context),
        DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
        context.debugDescription
    default: String(describing: error)
    }
}
