/// Writes the protobuf wire format.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    var isEmpty: Bool { bytes.isEmpty }

    mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func fixed32(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func fixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func key(_ number: Int, _ type: FieldKind.WireType) {
        varint(UInt64(truncatingIfNeeded: number) << 3 | UInt64(type.rawValue))
    }

    /// Writes a length-delimited field.
    mutating func field(_ number: Int, _ content: some Collection<UInt8>) {
        key(number, .lengthDelimited)
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    mutating func append(_ other: WireWriter) { bytes.append(contentsOf: other.bytes) }
}
