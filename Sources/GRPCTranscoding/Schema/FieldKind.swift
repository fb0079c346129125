/// The type of a field's value.
enum FieldKind: Equatable, Sendable {
    case double, float, int32, int64, uint32, uint64, sint32, sint64, fixed32, fixed64, sfixed32, sfixed64
    case bool, string, bytes
    /// The index of the type in ``MessageSchema/enums`` or ``MessageSchema/messages``.
    case enumeration(Int)
    case message(Int)

    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case fixed32 = 5
    }

    var wireType: WireType {
        switch self {
        case .int32, .int64, .uint32, .uint64, .sint32, .sint64, .bool, .enumeration: .varint
        case .double, .fixed64, .sfixed64: .fixed64
        case .float, .fixed32, .sfixed32: .fixed32
        case .string, .bytes, .message: .lengthDelimited
        }
    }

    /// Whether a list of such values can be packed into one length-delimited field.
    var isPackable: Bool { wireType != .lengthDelimited }
}
