import NIOCore

/// Extracts the messages of a gRPC stream. Each is preceded by a byte that marks compression and a four-byte length.
struct GRPCMessageReader {
    enum Failure: Error, Equatable {
        /// Only uncompressed messages were requested.
        case compressed
        case tooLong
    }

    /// The longest message, in bytes.
    let limit: Int
    private var buffer = ByteBuffer()

    init(limit: Int) { self.limit = limit }

    /// Whether a message has arrived in part.
    var isWithinMessage: Bool { buffer.readableBytes > 0 }

    mutating func append(_ data: ByteBuffer) { buffer.append(received: data) }

    /// The next message; nil while it is incomplete.
    mutating func next() throws(Failure) -> ByteBuffer? {
        guard let flag = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard flag == 0 else { throw .compressed }
        guard let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self) else { return nil }
        guard Int(length) <= limit else { throw .tooLong }
        guard buffer.readableBytes >= 5 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 5)
        let message = buffer.readSlice(length: Int(length))
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }
        return message
    }

    /// A message with its prefix, ready to send.
    static func frame(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(5 + message.count)
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt32(clamping: message.count))
        buffer.writeBytes(message)
        return buffer
    }
}
