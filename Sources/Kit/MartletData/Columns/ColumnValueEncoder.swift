import MartletCore

extension SQLValue {
    /// The stored form of a property's value, which ``CellDecoder`` reads.
    static func stored<Value: Encodable>(_ value: Value) throws -> SQLValue {
        // Compare type identity first: a dynamic cast costs more than the rest.
        if Value.self == String.self { return .text(unsafeBitCast(value, to: String.self)) }
        if Value.self == Int.self { return .int(Int64(unsafeBitCast(value, to: Int.self))) }
        if Value.self == Money.self { return unsafeBitCast(value, to: Money.self).sqlValue }
        if Value.self == Timestamp.self { return unsafeBitCast(value, to: Timestamp.self).sqlValue }
        if let value = value as? any SQLBindable { return value.sqlValue }
        let encoder = ColumnValueEncoder()
        try value.encode(to: encoder)
        return try encoder.finish()
    }

    /// - Throws: ``DatabaseError/other(code:message:)`` with `invalid_parameter` for a value that a column cannot hold.
    static func integer(_ value: some FixedWidthInteger) throws -> SQLValue {
        guard let value = Int64(exactly: value) else {
            throw DatabaseError.other(code: "invalid_parameter", message: "\(value) does not fit in 64 signed bits")
        }
        return .int(value)
    }
}

/// Encodes a scalar as itself, and any other value as JSON.
final class ColumnValueEncoder: Encoder {
    fileprivate var value: SQLValue?
    private let json = StreamingEncoder(capacity: 64)

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        json.container(keyedBy: type)
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { json.unkeyedContainer() }
    func singleValueContainer() -> any SingleValueEncodingContainer { SingleColumnValue(encoder: self) }

    fileprivate func finish() throws -> SQLValue {
        if let value { return value }
        let bytes = json.finish()
        // A struct without properties writes nothing.
        return .text(bytes.isEmpty ? "{}" : String(decoding: bytes, as: UTF8.self))
    }
}

private struct SingleColumnValue: SingleValueEncodingContainer {
    let encoder: ColumnValueEncoder

    var codingPath: [any CodingKey] { [] }

    func encodeNil() { encoder.value = .null }
    func encode(_ value: Bool) { encoder.value = .bool(value) }
    func encode(_ value: String) { encoder.value = .text(value) }
    func encode(_ value: Double) { encoder.value = .double(value) }
    func encode(_ value: Float) { encoder.value = .double(Double(value)) }
    func encode(_ value: Int) throws { encoder.value = try .integer(value) }
    func encode(_ value: Int8) throws { encoder.value = try .integer(value) }
    func encode(_ value: Int16) throws { encoder.value = try .integer(value) }
    func encode(_ value: Int32) throws { encoder.value = try .integer(value) }
    func encode(_ value: Int64) throws { encoder.value = try .integer(value) }
    func encode(_ value: UInt) throws { encoder.value = try .integer(value) }
    func encode(_ value: UInt8) throws { encoder.value = try .integer(value) }
    func encode(_ value: UInt16) throws { encoder.value = try .integer(value) }
    func encode(_ value: UInt32) throws { encoder.value = try .integer(value) }
    func encode(_ value: UInt64) throws { encoder.value = try .integer(value) }
    func encode<Value: Encodable>(_ value: Value) throws { encoder.value = try .stored(value) }
}
