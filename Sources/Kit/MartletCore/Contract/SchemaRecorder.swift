extension Schema {
    /// The schema of a type, found by running its synthesized `init(from:)` against a decoder that records every
    /// requested value and returns placeholders.
    public static func of<Value: Decodable>(_ type: Value.Type) -> Schema {
        if let scalar = type as? any Scalar.Type { return .scalar(scalar) }
        if type == JSONValue.self { return .any }
        let recorder = SchemaRecorder(rules: (type as? any Described.Type)?.rules ?? .none)
        _ = try? Value(from: recorder)
        switch recorder.shape {
        case .object: return .object(ObjectSchema(name: typeName(type), fields: recorder.fields))
        case .map: return .map(recorder.element ?? .any)
        case .array: return .array(recorder.element ?? .any)
        case .single: return recorder.element ?? .any
        }
    }

    /// `Page<Product>` becomes `ProductPage`: a name that is a legal component key of OpenAPI.
    private static func typeName(_ type: Any.Type) -> String {
        let name = String(describing: type)
        guard let open = name.firstIndex(of: "<") else { return name }
        return name[name.index(after: open)...].filter(\.isLetter) + name[..<open]
    }
}

/// Returns a value of a type, to stand in for an invalid field while the rest of the input is checked.
func placeholder<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let scalar = type as? any Scalar.Type, let value = scalar.placeholder as? Value { return value }
    if type == JSONValue.self, let value = JSONValue.null as? Value { return value }
    return try Value(from: SchemaRecorder(rules: .none))
}

private final class SchemaRecorder: Decoder {
    enum Shape { case object, map, array, single }

    let rules: Rules
    var shape = Shape.single
    var fields: [ObjectSchema.Field] = []
    var element: Schema?

    init(rules: Rules) { self.rules = rules }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        shape = Key.isOpen ? .map : .object
        return KeyedDecodingContainer(RecordingFields<Key>(recorder: self))
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer {
        shape = .array
        return RecordingElements(recorder: self)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { RecordingValue(recorder: self) }
}

private struct RecordingFields<Key: CodingKey>: FieldContainer {
    let recorder: SchemaRecorder

    var codingPath: [any CodingKey] { [] }
    /// One made-up key, so that a dictionary reveals the type of its values.
    var allKeys: [Key] { Key(stringValue: "\u{1}").map { [$0] } ?? [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }
    func superDecoder() -> any Decoder { recorder }

    func field<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        record(type, forKey: key, isOptional: false)
        return try placeholder(type)
    }

    private func record<Value: Decodable>(_ type: Value.Type, forKey key: Key, isOptional: Bool) {
        guard recorder.shape == .object else {
            recorder.element = Schema.of(type)
            return
        }
        let name = key.stringValue.snakeCased
        recorder.fields.append(
            .init(name: name, schema: Schema.of(type), isOptional: isOptional, rule: recorder.rules[name]))
    }

    private func optional<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        record(type, forKey: key, isOptional: true)
        return nil
    }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try optional(type, key)
    }
}

/// Pretends to hold one element, to record the element type of a list.
private struct RecordingElements: UnkeyedDecodingContainer {
    let recorder: SchemaRecorder
    private(set) var currentIndex = 0

    init(recorder: SchemaRecorder) { self.recorder = recorder }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex > 0 }

    mutating func decodeNil() -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        currentIndex += 1
        recorder.element = Schema.of(type)
        return try placeholder(type)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedDecodingContainer<Nested> {
        currentIndex += 1
        return recorder.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer {
        currentIndex += 1
        return recorder.unkeyedContainer()
    }

    mutating func superDecoder() -> any Decoder { recorder }
}

private struct RecordingValue: ValueContainer {
    let recorder: SchemaRecorder

    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { false }

    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        recorder.element = Schema.of(type)
        return try placeholder(type)
    }
}
