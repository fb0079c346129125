/// Any JSON value (RFC 8259). Objects keep the order of their members; numbers keep their text, so that decimals
/// stay exact.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// A number in JSON's grammar, exactly as written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// The member of an object; nil for a missing one and for other kinds of value.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0.isExactly(key) }?.1
    }

    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var objectValue: [(String, JSONValue)]? {
        if case .object(let value) = self { value } else { nil }
    }

    public var intValue: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }

    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }
}

extension JSONValue: Equatable {
    /// Equal as documents: the order of an object's members does not matter, the text of a number does. Texts are
    /// compared byte by byte.
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left.isExactly(right)
        case (.string(let left), .string(let right)): left.isExactly(right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.count == right.count && isEqual(left, right)
        default: false
        }
    }

    private static func isEqual(_ left: [(String, JSONValue)], _ right: [(String, JSONValue)]) -> Bool {
        // Most documents use the same order.
        if zip(left, right).allSatisfy({ $0.0.isExactly($1.0) }) {
            return zip(left, right).allSatisfy { $0.1 == $1.1 }
        }
        let byName = Dictionary(right.map { (MemberName($0.0), $0.1) }) { first, _ in first }
        return left.allSatisfy { name, value in byName[MemberName(name)].map { $0 == value } ?? false }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(String(value)) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements) }
    public init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
    /// The value as compact JSON.
    public var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.bytes
    }
}

extension JSONValue: Codable {
    /// Conforms only so that models may hold free-form JSON. Martlet's own coders handle the value natively.
    public init(from decoder: any Decoder) throws {
        guard let source = decoder as? any JSONValueSource else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "free-form JSON needs Martlet's decoders"))
        }
        self = try source.jsonValue()
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value): try value.encode(to: encoder)
        case .string(let value): try value.encode(to: encoder)
        case .number(let text):
            if let integer = Int64(text) {
                try integer.encode(to: encoder)
            } else {
                try Double(text).encode(to: encoder)
            }
        case .array(let values): try values.encode(to: encoder)
        case .object(let members):
            try Dictionary(members, uniquingKeysWith: { _, last in last }).encode(to: encoder)
        }
    }
}

/// A decoder that can return its current value as a ``JSONValue``.
public protocol JSONValueSource {
    func jsonValue() throws -> JSONValue
}
