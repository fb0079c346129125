/// Writes compact JSON straight into bytes: no tree, no intermediate strings.
public struct JSONWriter {
    public internal(set) var bytes: [UInt8] = []

    public init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    package mutating func append(_ byte: UInt8) { bytes.append(byte) }
    package mutating func append(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }

    package mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let value): write(value)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): write(text)
        case .array(let elements):
            append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                write(element)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            append(UInt8(ascii: "{"))
            for (index, (name, value)) in members.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                write(name)
                append(UInt8(ascii: ":"))
                write(value)
            }
            append(UInt8(ascii: "}"))
        }
    }

    package mutating func write(_ value: Bool) {
        if value { append("true") } else { append("false") }
    }

    package mutating func write(_ value: some FixedWidthInteger) {
        var magnitude = UInt64(truncatingIfNeeded: value.magnitude)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = digits.count
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            } while magnitude > 0
            if value < 0 { bytes.append(UInt8(ascii: "-")) }
            bytes.append(contentsOf: digits[start...])
        }
    }

    /// NaN and the infinities have no JSON form and are written as null.
    package mutating func write(_ value: Double) {
        guard value.isFinite else { return append("null") }
        if let integer = Int64(exactly: value), integer.magnitude < 1 << 53 { return write(integer) }
        bytes.append(contentsOf: value.description.utf8)
    }

    package mutating func write(_ value: Money) {
        write(value.minorUnits / 100)
        append(UInt8(ascii: "."))
        let cents = UInt8(truncatingIfNeeded: value.minorUnits % 100)
        append(UInt8(ascii: "0") + cents / 10)
        append(UInt8(ascii: "0") + cents % 10)
    }

    package mutating func write(_ value: Timestamp) {
        append(UInt8(ascii: "\""))
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 27) { buffer in
            value.write(to: buffer)
            bytes.append(contentsOf: buffer)
        }
        append(UInt8(ascii: "\""))
    }

    package mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { writeValid(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string from UTF-8 bytes; invalid sequences become U+FFFD.
    package mutating func write(utf8 text: UnsafeRawBufferPointer) {
        if text.allSatisfy({ $0 < 0x80 }) { writeValid(text) } else { write(String(decoding: text, as: UTF8.self)) }
    }

    private mutating func writeValid(_ utf8: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        // Append each run of plain bytes at once: almost every string is a single run.
        var run = 0
        for index in 0..<utf8.count {
            let byte = utf8[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            bytes.append(contentsOf: utf8[run..<index])
            appendEscaped(byte)
            run = index + 1
        }
        bytes.append(contentsOf: utf8[run...])
        append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        default:
            append("\\u00")
            append(Hexadecimal.digit(byte >> 4))
            append(Hexadecimal.digit(byte))
        }
    }

    /// Writes a property's name as a member name: `createdAt` becomes `"created_at":`.
    mutating func writeKey(_ name: String) {
        append(UInt8(ascii: "\""))
        for byte in SnakeCase(name.utf8) { append(byte) }
        append("\":")
    }
}
