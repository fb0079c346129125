import CZlib

/// Decompresses responses.
enum Inflater {
    /// - Returns: the decompressed bytes so far, and whether they are complete; nil for invalid input.
    static func inflate(_ bytes: [UInt8]) -> (content: [UInt8], isComplete: Bool)? {
        var bytes = bytes
        var content: [UInt8] = []
        var stream = z_stream()
        // Adding 32 detects gzip and zlib.
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { inflateEnd(&stream) }
        var piece = [UInt8](repeating: 0, count: 65_536)
        var result = Z_OK
        bytes.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            repeat {
                let written = piece.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    result = CZlib.inflate(&stream, Z_NO_FLUSH)
                    return output.count - Int(stream.avail_out)
                }
                content += piece[..<written]
            } while result == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)
        }
        guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { return nil }
        return (content, result == Z_STREAM_END && stream.avail_in == 0)
    }
}
