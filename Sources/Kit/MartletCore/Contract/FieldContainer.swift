/// Reads every field through one generic method. The extension supplies the overloads that
/// `KeyedDecodingContainerProtocol` requires.
protocol FieldContainer: KeyedDecodingContainerProtocol {
    func field<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value
}

extension FieldContainer {
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try field(type, forKey: key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try field(type, forKey: key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try field(type, forKey: key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try field(Double.self, forKey: key)) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try field(type, forKey: key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try integer(forKey: key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try integer(forKey: key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try integer(forKey: key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try field(type, forKey: key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try integer(forKey: key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try integer(forKey: key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try integer(forKey: key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try integer(forKey: key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try integer(forKey: key) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try field(type, forKey: key)
    }

    private func integer<Value: FixedWidthInteger>(forKey key: Key) throws -> Value {
        guard let value = Value(exactly: try field(Int64.self, forKey: key)) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "out of range")
        }
        return value
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    {
        throw unsupported(key)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw unsupported(key) }

    func superDecoder(forKey key: Key) throws -> any Decoder { throw unsupported(key) }

    private func unsupported(_ key: Key) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: "contract types use synthesized Decodable")
    }
}

/// ``FieldContainer``'s counterpart for a single value and for the elements of a list.
protocol ValueContainer: SingleValueDecodingContainer {
    func value<Value: Decodable>(_ type: Value.Type) throws -> Value
}

extension ValueContainer {
    func decode(_ type: Bool.Type) throws -> Bool { try value(type) }
    func decode(_ type: String.Type) throws -> String { try value(type) }
    func decode(_ type: Double.Type) throws -> Double { try value(type) }
    func decode(_ type: Float.Type) throws -> Float { Float(try value(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try value(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try value(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }

    private func integer<Value: FixedWidthInteger>() throws -> Value {
        guard let value = Value(exactly: try value(Int64.self)) else {
            throw DecodingError.dataCorruptedError(in: self, debugDescription: "out of range")
        }
        return value
    }
}

extension CodingKey {
    /// Whether any text is a key, as in a dictionary: keys are then data, not property names.
    package static var isOpen: Bool { Self(stringValue: "\u{1}") != nil }
}
