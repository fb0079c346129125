import MartletSystem

/// Converts other encodings to UTF-8 with the C library's iconv(3), in one pass.
enum TextConverter {
    struct Failure: Error {
        /// The line of the first invalid bytes, counted from 1.
        let line: Int
    }

    static func exists(_ name: String) -> Bool {
        guard let converter = open(name) else { return false }
        iconv_close(converter)
        return true
    }

    /// - Throws: ``Failure`` at the first bytes that are invalid in the encoding.
    static func utf8(_ bytes: ArraySlice<UInt8>, from name: String) throws(Failure) -> [UInt8] {
        guard let converter = open(name) else { throw Failure(line: 1) }
        defer { iconv_close(converter) }
        // iconv's parameter is mutable, but iconv does not change the bytes.
        var input = Array(bytes)
        var text: [UInt8] = []
        text.reserveCapacity(input.count + input.count / 2)
        let isWhole = input.withUnsafeMutableBytes { input in
            var from = input.baseAddress?.assumingMemoryBound(to: CChar.self)
            var left = input.count
            var buffer = [CChar](repeating: 0, count: 1 << 16)
            while left > 0 {
                let (result, reason) = buffer.withUnsafeMutableBufferPointer { output -> (Int, Int32) in
                    var to = output.baseAddress
                    var room = output.count
                    let result = iconv(converter, &from, &left, &to, &room)
                    let reason = errno
                    text.append(
                        contentsOf: UnsafeRawBufferPointer(start: output.baseAddress, count: output.count - room))
                    return (result, reason)
                }
                if result == Int(bitPattern: UInt.max), reason != E2BIG { return false }
            }
            return true
        }
        guard isWhole else { throw Failure(line: 1 + text.count { $0 == UInt8(ascii: "\n") }) }
        return text
    }

    private static func open(_ name: String) -> iconv_t? {
        guard let converter = iconv_open("UTF-8", name), converter != iconv_t(bitPattern: -1) else { return nil }
        return converter
    }
}
