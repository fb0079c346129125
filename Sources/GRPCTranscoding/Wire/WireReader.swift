/// Reads the protobuf wire format, with bounds checks on every read.
struct WireReader {
    /// A field's value as encoded on the wire.
    enum Value: Equatable {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// The bytes of a length-delimited value.
        case bytes(Range<Int>)
    }

    /// The bytes do not follow the wire format.
    struct Malformed: Error, Equatable {}

    /// The deepest nesting of groups, which are skipped.
    private static let maximumGroupDepth = 32

    let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
        self.bytes = bytes
        let range = (range ?? bytes.indices).clamped(to: bytes.indices)
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position >= end }

    /// The next field other than a group; nil at the end.
    mutating func next() throws(Malformed) -> (number: Int, value: Value)? {
        while !isAtEnd {
            let (number, type) = try key()
            switch type {
            case 0: return (number, .varint(try varint()))
            case 1: return (number, .fixed64(try fixed64()))
            case 2: return (number, .bytes(try length()))
            case 3: try skipGroup(number, depth: Self.maximumGroupDepth)
            case 5: return (number, .fixed32(try fixed32()))
            default: throw Malformed()
            }
        }
        return nil
    }

    private mutating func key() throws(Malformed) -> (number: Int, type: UInt8) {
        let key = try varint()
        let number = key >> 3
        guard (1..<(1 << 29)).contains(number) else { throw Malformed() }
        return (Int(number), UInt8(key & 7))
    }

    mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard position < end else { throw Malformed() }
            let byte = bytes[position]
            position += 1
            // Only one bit of the tenth byte is significant.
            guard shift < 63 || byte <= 1 else { throw Malformed() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }

    mutating func fixed32() throws(Malformed) -> UInt32 {
        try fixed()
    }

    mutating func fixed64() throws(Malformed) -> UInt64 {
        try fixed()
    }

    /// Little-endian.
    private mutating func fixed<Number: FixedWidthInteger>() throws(Malformed) -> Number {
        let width = Number.bitWidth / 8
        guard end - position >= width else { throw Malformed() }
        var value: Number = 0
        for index in 0..<width { value |= Number(bytes[position + index]) << (8 * index) }
        position += width
        return value
    }

    private mutating func length() throws(Malformed) -> Range<Int> {
        let count = try varint()
        guard count <= UInt64(end - position) else { throw Malformed() }
        let start = position
        position += Int(count)
        return start..<position
    }

    private mutating func skipGroup(_ number: Int, depth: Int) throws(Malformed) {
        guard depth > 0 else { throw Malformed() }
        while !isAtEnd {
            let (inner, type) = try key()
            switch type {
            case 0: _ = try varint()
            case 1: _ = try fixed64()
            case 2: _ = try length()
            case 3: try skipGroup(inner, depth: depth - 1)
            case 4:
                guard inner == number else { throw Malformed() }
                return
            case 5: _ = try fixed32()
            default: throw Malformed()
            }
        }
        throw Malformed()
    }
}
