import NIOCore

/// Represents bytes as text, one scalar per byte. swift-nio-http2 stores fields as strings and repairs invalid UTF-8,
/// but field values are bytes (RFC 9110 §5.5).
enum HTTP2Text {
    /// - Returns: the same text for ASCII.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return String(decoding: bytes, as: UTF8.self) }
        var result = String.UnicodeScalarView()
        for byte in bytes { result.append(Unicode.Scalar(byte)) }
        return String(result)
    }

    /// The inverse of ``text(_:)``; other scalars become question marks.
    static func bytes(_ text: String) -> [UInt8] {
        let utf8 = text.utf8
        guard utf8.contains(where: { $0 >= 0x80 }) else { return Array(utf8) }
        return text.unicodeScalars.map { $0.value < 0x100 ? UInt8($0.value) : ASCII.questionMark }
    }

    /// The UTF-8 length of ``text(_:)``.
    static func length(_ bytes: [UInt8]) -> Int { bytes.reduce(bytes.count) { $0 + Int($1 >> 7) } }

    /// Writes ``text(_:)`` as UTF-8.
    static func write(_ bytes: [UInt8], to out: inout ByteBuffer) {
        guard bytes.contains(where: { $0 >= 0x80 }) else {
            out.writeBytes(bytes)
            return
        }
        for byte in bytes {
            if byte < 0x80 {
                out.writeInteger(byte)
            } else {
                out.writeInteger(0xC0 | byte >> 6)
                out.writeInteger(0x80 | byte & 0x3F)
            }
        }
    }
}
