extension JSONWriter {
    /// Writes any `Encodable` value. Property names become snake_case; dictionary keys are unchanged. ``Money`` and
    /// ``Timestamp`` are written natively, nil properties as null.
    /// - Throws: the error of the value's own `encode(to:)`.
    public static func bytes(of value: some Encodable, capacity: Int = 512) throws -> [UInt8] {
        let encoder = StreamingEncoder(capacity: capacity)
        try encoder.write(value)
        return encoder.writer.bytes
    }
}

/// An `Encoder` that writes each value at once. It keeps only the output and the closing bytes of open containers.
///
/// `Encoder` has no call for the end of a container. ``write(_:)`` therefore closes every container that the value
/// opened. This supports all of `Codable` except a container that stays in use while a sibling is written, which no
/// synthesized conformance does.
package final class StreamingEncoder: Encoder {
    fileprivate var writer: JSONWriter
    /// The closing bytes of the containers that are open, innermost last.
    private var closers: [UInt8] = []

    package var codingPath: [any CodingKey] { [] }
    package var userInfo: [CodingUserInfoKey: Any] { [:] }

    package init(capacity: Int) { writer = JSONWriter(capacity: capacity) }

    /// Closes the open objects and arrays.
    /// - Returns: the whole text.
    package func finish() -> [UInt8] {
        close(to: 0)
        return writer.bytes
    }

    private func close(to depth: Int) {
        while closers.count > depth { writer.append(closers.removeLast()) }
    }

    fileprivate func write<Value: Encodable>(_ value: Value) throws {
        // Compare type identity first: a dynamic cast costs more than writing the value.
        if Value.self == Timestamp.self {
            writer.write(unsafeBitCast(value, to: Timestamp.self))
        } else if Value.self == Money.self {
            writer.write(unsafeBitCast(value, to: Money.self))
        } else if Value.self == String.self {
            writer.write(unsafeBitCast(value, to: String.self))
        } else if Value.self == JSONValue.self {
            writer.write(unsafeBitCast(value, to: JSONValue.self))
        } else {
            let depth = closers.count
            let length = writer.bytes.count
            try value.encode(to: self)
            close(to: depth)
            if writer.bytes.count == length { writer.append("{}") }
        }
    }

    package func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        writer.append(UInt8(ascii: "{"))
        closers.append(UInt8(ascii: "}"))
        // A key type that accepts any text belongs to a dictionary: its keys are data, not property names.
        return KeyedEncodingContainer(Keyed<Key>(encoder: self, convertsNames: !Key.isOpen))
    }

    package func unkeyedContainer() -> any UnkeyedEncodingContainer {
        writer.append(UInt8(ascii: "["))
        closers.append(UInt8(ascii: "]"))
        return Unkeyed(encoder: self)
    }

    package func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }
}

private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: StreamingEncoder
    let convertsNames: Bool
    private var isFirst = true

    init(encoder: StreamingEncoder, convertsNames: Bool) {
        self.encoder = encoder
        self.convertsNames = convertsNames
    }

    var codingPath: [any CodingKey] { [] }

    private mutating func key(_ key: Key) {
        if isFirst { isFirst = false } else { encoder.writer.append(UInt8(ascii: ",")) }
        if convertsNames {
            encoder.writer.writeKey(key.stringValue)
        } else {
            encoder.writer.write(key.stringValue)
            encoder.writer.append(UInt8(ascii: ":"))
        }
    }

    mutating func encodeNil(forKey key: Key) {
        self.key(key)
        encoder.writer.append("null")
    }

    mutating func encode(_ value: Bool, forKey key: Key) {
        self.key(key)
        encoder.writer.write(value)
    }

    mutating func encode(_ value: Int, forKey key: Key) {
        self.key(key)
        encoder.writer.write(value)
    }

    mutating func encode(_ value: Int64, forKey key: Key) {
        self.key(key)
        encoder.writer.write(value)
    }

    mutating func encode(_ value: String, forKey key: Key) {
        self.key(key)
        encoder.writer.write(value)
    }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        self.key(key)
        try encoder.write(value)
    }

    // The default implementations omit nil.
    mutating func encodeIfPresent(_ value: String?, forKey key: Key) {
        if let value { encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }
    mutating func encodeIfPresent(_ value: Bool?, forKey key: Key) {
        if let value { encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }
    mutating func encodeIfPresent(_ value: Int?, forKey key: Key) {
        if let value { encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }
    mutating func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try field(value, forKey: key) }
    mutating func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        try field(value, forKey: key)
    }

    private mutating func field<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
        -> KeyedEncodingContainer<Nested>
    {
        self.key(key)
        return encoder.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        self.key(key)
        return encoder.unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { encoder }
    mutating func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

private struct Unkeyed: UnkeyedEncodingContainer {
    let encoder: StreamingEncoder
    private(set) var count = 0

    init(encoder: StreamingEncoder) { self.encoder = encoder }

    var codingPath: [any CodingKey] { [] }

    private mutating func separate() {
        if count > 0 { encoder.writer.append(UInt8(ascii: ",")) }
        count += 1
    }

    mutating func encodeNil() {
        separate()
        encoder.writer.append("null")
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        separate()
        try encoder.write(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        separate()
        return encoder.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        separate()
        return encoder.unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { encoder }
}

private struct Single: SingleValueEncodingContainer {
    let encoder: StreamingEncoder

    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil() { encoder.writer.append("null") }
    mutating func encode(_ value: Bool) { encoder.writer.write(value) }
    mutating func encode(_ value: String) { encoder.writer.write(value) }
    mutating func encode(_ value: Double) { encoder.writer.write(value) }
    mutating func encode(_ value: Float) { encoder.writer.write(Double(value)) }
    mutating func encode(_ value: Int) { encoder.writer.write(value) }
    mutating func encode(_ value: Int8) { encoder.writer.write(value) }
    mutating func encode(_ value: Int16) { encoder.writer.write(value) }
    mutating func encode(_ value: Int32) { encoder.writer.write(value) }
    mutating func encode(_ value: Int64) { encoder.writer.write(value) }
    mutating func encode(_ value: UInt) { encoder.writer.write(value) }
    mutating func encode(_ value: UInt8) { encoder.writer.write(value) }
    mutating func encode(_ value: UInt16) { encoder.writer.write(value) }
    mutating func encode(_ value: UInt32) { encoder.writer.write(value) }
    mutating func encode(_ value: UInt64) { encoder.writer.write(value) }
    mutating func encode<Value: Encodable>(_ value: Value) throws { try encoder.write(value) }
}
