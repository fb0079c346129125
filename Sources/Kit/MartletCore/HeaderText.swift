/// Reads the values of header fields byte by byte.
///
/// A value may hold any bytes (RFC 9110 §5.5). Splitting or comparing it as a `String` works on characters, and one
/// character may be a whole header of combining marks that must then be normalized.
package enum HeaderText {
    /// The parts between the separators, without surrounding spaces and tabs (RFC 9110 §5.6.1).
    package static func parts(_ value: String, separatedBy separator: Unicode.Scalar) -> [String] {
        value.utf8.split { UInt32($0) == separator.value }.map { part in
            let start = part.drop(while: isBlank)
            let end = start.lastIndex { !isBlank($0) }.map { start.index(after: $0) } ?? start.startIndex
            return String(decoding: start[..<end], as: UTF8.self)
        }
    }

    /// The name and the value around the first `=`; nil without one.
    package static func pair(_ text: String) -> (name: String, value: String)? {
        guard let place = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (
            String(decoding: text.utf8[..<place], as: UTF8.self),
            String(decoding: text.utf8[text.utf8.index(after: place)...], as: UTF8.self)
        )
    }

    /// The text with ASCII letters in lower case.
    package static func lowercased(_ text: String) -> String {
        String(
            decoding: text.utf8.map { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
            }, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
