import MartletCore

/// The message types of a descriptor set, ready to be read and written by.
///
/// Types refer to each other by index, since messages may contain themselves.
package struct MessageSchema: Sendable {
    struct Field: Sendable {
        enum Shape: Equatable, Sendable {
            case single
            case list
            /// The key is field 1 and the value field 2 of the entry, which is a message of its own.
            case map(entry: Int)
        }

        let number: Int
        /// As the `.proto` file has it.
        let name: String
        /// As JSON has it.
        let jsonName: String
        let kind: FieldKind
        let shape: Shape
        /// Whether a default value that was set differs from one that was not.
        let hasPresence: Bool
        /// Fields of the same number exclude each other.
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
        /// Of several names for one number the first.
        var names: [Int32: String] = [:]

        /// `google.protobuf.NullValue`, whose one value is JSON's null.
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

    /// Whether JSON's null is a value of the field, and not only its absence.
    func acceptsNull(_ field: Field) -> Bool {
        switch field.kind {
        case .message(let index): messages[index].wellKnown == .value
        case .enumeration(let index): enums[index].isNull
        default: false
        }
    }
}

/// Names in what comes from outside. Comparing and hashing Swift's strings normalises them first (UAX #15), which takes
/// far longer than in proportion to them; the names of protobuf are ASCII (the language's `ident`).
enum ForeignName {
    static let longest = 512

    static func isPlausible(_ name: String) -> Bool {
        name.utf8.count <= longest && name.utf8.allSatisfy { $0 < 0x80 }
    }
}

/// Message types with a JSON form of their own (the ProtoJSON format).
enum WellKnownType: Equatable, Sendable {
    case timestamp, duration, fieldMask, any, object, value, list
    /// `Int32Value` and the like: field 1 is the value.
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
