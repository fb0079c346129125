import NIOCore

extension ByteBuffer {
    /// Adds what has been received to what is still unread.
    ///
    /// What has been read is dropped first. A buffer keeps it as long as anything is unread, and the sender decides
    /// whether anything ever is not: each read may end within the next message.
    mutating func append(received bytes: ByteBuffer) {
        guard readableBytes > 0 else {
            self = bytes
            return
        }
        discardReadBytes()
        writeImmutableBuffer(bytes)
    }
}
