import MartletCore

/// The message types of a descriptor set, prepared for encoding and printing.
///
/// Types refer to each other by index, since messages may be recursive.
package struct MessageSchema: Sendable {
    struct Field: Sendable {
        enum Shape: Equatable, Sendable {
            case single
            case list
            /// The entry is a message with the key as field 1 and the value as field 2.
            case map(entry: Int)
        }

        let number: Int
        /// The name in the `.proto` file.
        let name: String
        /// The name in JSON.
        let jsonName: String
        let kind: FieldKind
        let shape: Shape
        /// Whether an explicitly set default value differs from an unset field.
        let hasPresence: Bool
        /// The index of the oneof; only one of its fields may be set.
        let oneof: Int?
    }

    struct Message: Sendable {
        let fullName: String
        var fields: [Field] = []
        var fieldsByNumber: [Int: Int] = [:]
        /// By ``Field/jsonName`` and by ``Field/name``.
        var fieldsByName: [MemberName: Int] = [:]
        var wellKnown: WellKnownType?
    }

    struct Enumeration: Sendable {
        let fullName: String
        var numbers: [MemberName: Int32] = [:]
        /// By number; the first of several aliases.
        var names: [Int32: String] = [:]

        /// `google.protobuf.NullValue`, whose only value is JSON's null.
        var isNull: Bool { fullName == "google.protobuf.NullValue" }
    }

    var messages: [Message] = []
    var enums: [Enumeration] = []
    var messagesByName: [String: Int] = [:]
    var enumsByName: [String: Int] = [:]

    func field(_ name: String, of message: Int) -> Field? {
        let message = messages[message]
        return message.fieldsByName[MemberName(name)].map { message.fields[$0] }
    }

    /// Whether JSON's null is a value of the field rather than its absence.
    func acceptsNull(_ field: Field) -> Bool {
        switch field.kind {
        case .message(let index): messages[index].wellKnown == .value
        case .enumeration(let index): enums[index].isNull
        default: false
        }
    }
}

/// Names in client input. Comparing and hashing Swift strings normalizes them first (UAX #15), which may cost more than
/// in proportion to their length. Protobuf names are ASCII (the language's `ident`).
enum ForeignName {
    static let longest = 512

    static func isPlausible(_ name: String) -> Bool {
        name.utf8.count <= longest && name.utf8.allSatisfy { $0 < 0x80 }
    }
}

/// Message types with a special JSON form (ProtoJSON).
enum WellKnownType: Equatable, Sendable {
    case timestamp, duration, fieldMask, any, object, value, list
    /// `Int32Value` and similar: field 1 is the value.
    case wrapper

    init?(_ fullName: String) {
        guard fullName.hasPrefix("google.protobuf.") else { return nil }
        switch fullName.dropFirst("google.protobuf.".count) {
        case "Timestamp": self = .timestamp
        case "Duration": self = .duration
        case "FieldMask": self = .fieldMask
        case "Any": self = .any
        case "Struct": self = .object
        case "Value": self = .value
        case "ListValue": self = .list
        case "DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value", "BoolValue",
            "StringValue", "BytesValue":
            self = .wrapper
        default: return nil
        }
    }
}
