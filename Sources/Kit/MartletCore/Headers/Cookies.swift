/// Reads the `Cookie` field (RFC 6265 §4.2).
public enum Cookies {
    /// Calls `body` with the value of each cookie of a name, in order, without surrounding quotes and blanks. Names are
    /// compared as bytes. One pass, without copies.
    @inlinable
    public static func forEachValue(
        of name: some Collection<UInt8>, in field: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        let length = name.count
        var index = 0
        while index < field.count {
            while index < field.count, isBlank(field[index]) { index += 1 }
            let start = index
            while index < field.count, field[index] != UInt8(ascii: ";") { index += 1 }
            let pair = UnsafeRawBufferPointer(rebasing: field[start..<index])
            index += 1
            guard pair.count > length, pair[length] == UInt8(ascii: "="), pair.starts(with: name) else { continue }
            var value = pair[(length + 1)...]
            while let last = value.last, isBlank(last) { value = value.dropLast() }
            if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
                value = value.dropFirst().dropLast()
            }
            body(UnsafeRawBufferPointer(rebasing: value))
        }
    }

    /// The value of the first cookie of a name; nil when there is none.
    public static func first(_ name: String, in field: String) -> String? {
        var found: String?
        Array(field.utf8).withUnsafeBytes { bytes in
            forEachValue(of: name.utf8, in: bytes) { value in
                if found == nil { found = String(decoding: value, as: UTF8.self) }
            }
        }
        return found
    }

    @inlinable @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
