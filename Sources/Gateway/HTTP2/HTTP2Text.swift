import NIOCore

/// Bytes as text, one scalar for each byte: swift-nio-http2 has fields as strings, and repairs what is not UTF-8, while
/// a field's value is bytes (RFC 9110 §5.5).
enum HTTP2Text {
    /// - Returns: for ASCII, the same text.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return String(decoding: bytes, as: UTF8.self) }
        var result = String.UnicodeScalarView()
        for byte in bytes { result.append(Unicode.Scalar(byte)) }
        return String(result)
    }

    /// What ``text(_:)`` was made of; other scalars become question marks.
    static func bytes(_ text: String) -> [UInt8] {
        let utf8 = text.utf8
        guard utf8.contains(where: { $0 >= 0x80 }) else { return Array(utf8) }
        return text.unicodeScalars.map { $0.value < 0x100 ? UInt8($0.value) : ASCII.questionMark }
    }

    /// The length of ``text(_:)`` in UTF-8.
    static func length(_ bytes: [UInt8]) -> Int { bytes.reduce(bytes.count) { $0 + Int($1 >> 7) } }

    /// Writes ``text(_:)`` in UTF-8.
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
