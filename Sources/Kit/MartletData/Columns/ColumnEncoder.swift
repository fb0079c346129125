import MartletCore

/// Collects the column names and the values of a value's properties.
///
/// One encoder serves all rows of a statement. The first row determines the names. Later rows are only compared with
/// them, so that no names are converted again.
final class ColumnEncoder: Encoder {
    /// The columns, in order.
    private(set) var names: [String] = []
    /// The number of conversions of a property name to a column name, for tests.
    private(set) var conversions = 0
    /// The properties, by the names of their keys.
    private var properties: [String] = []
    private var row: [SQLValue] = []
    private var isFirst = true
    private var failure: DatabaseError?

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The values of one row, in the order of ``names``.
    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_columns` for a value without named properties, or
    ///   with other properties than the first one; the errors of its `encode(to:)`.
    func values(of value: some Encodable) throws -> [SQLValue] {
        row = []
        row.reserveCapacity(names.count)
        try value.encode(to: self)
        if let failure { throw failure }
        guard row.count == names.count else { throw DatabaseError.columns("the rows have different columns") }
        isFirst = false
        return row
    }

    fileprivate func put(_ value: @autoclosure () throws -> SQLValue, _ key: some CodingKey) throws {
        let property = key.stringValue
        if isFirst {
            conversions += 1
            properties.append(property)
            names.append(property.snakeCased)
        } else {
            guard row.count < properties.count, properties[row.count].isExactly(property) else {
                throw DatabaseError.columns("the rows have different columns")
            }
        }
        row.append(try value())
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        // The keys of a dictionary are data, and data must not name a column.
        if isFirst, Key.isOpen { failure = .columns("the keys of a dictionary are not columns") }
        return KeyedEncodingContainer(ColumnFields<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        refuse("a list is not a row")
        return ColumnValueEncoder().unkeyedContainer()
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        refuse("a single value is not a row")
        return ColumnValueEncoder().singleValueContainer()
    }

    fileprivate func refuse(_ message: String) { failure = .columns(message) }
}

extension DatabaseError {
    /// The program writes invalid columns: a programming error, not an error of the client.
    static func columns(_ message: String) -> DatabaseError { .other(code: "invalid_columns", message: message) }
}

private struct ColumnFields<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ColumnEncoder

    var codingPath: [any CodingKey] { [] }

    private func put(_ value: @autoclosure () throws -> SQLValue, _ key: Key) throws { try encoder.put(value(), key) }
    private func integer(_ value: some FixedWidthInteger, _ key: Key) throws { try put(.integer(value), key) }
    private func optional<Value: Encodable>(_ value: Value?, _ key: Key) throws {
        try put(value.map { try .stored($0) } ?? .null, key)
    }

    func encodeNil(forKey key: Key) throws { try put(.null, key) }
    func encode(_ value: Bool, forKey key: Key) throws { try put(.bool(value), key) }
    func encode(_ value: String, forKey key: Key) throws { try put(.text(value), key) }
    func encode(_ value: Double, forKey key: Key) throws { try put(.double(value), key) }
    func encode(_ value: Float, forKey key: Key) throws { try put(.double(Double(value)), key) }
    func encode(_ value: Int, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int8, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int16, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int32, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: Int64, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt8, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt16, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt32, forKey key: Key) throws { try integer(value, key) }
    func encode(_ value: UInt64, forKey key: Key) throws { try integer(value, key) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try put(.stored(value), key) }

    // The default implementations would omit the column of a nil.
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws { try optional(value, key) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
        -> KeyedEncodingContainer<Nested>
    {
        encoder.refuse("\(key.stringValue) is encoded by hand; give it a type of its own")
        return ColumnValueEncoder().container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.refuse("\(key.stringValue) is encoded by hand; give it a type of its own")
        return ColumnValueEncoder().unkeyedContainer()
    }

    func superEncoder() -> any Encoder { encoder }

    func superEncoder(forKey key: Key) -> any Encoder {
        encoder.refuse("\(key.stringValue) is encoded by hand; give it a type of its own")
        return ColumnValueEncoder()
    }
}
