import NIOCore

extension ByteBuffer {
    /// Adds what has been received to what is still unread.
    ///
    /// What has been read is dropped first. A buffer keeps it as long as anything is unread, and the sender decides
    /// whether anything ever is not: each read may end within the next message.
    mutating func append(received bytes: ByteBuffer) {
        guard readableBytes > 0 else {
            self = bytes.compacted()
            return
        }
        if readerIndex > 0 { self = copied() }
        writeImmutableBuffer(bytes)
    }

    /// The same bytes in a buffer of their size, where this one is a small part of a large one. Whoever keeps a part keeps
    /// the whole: a frame of one byte would hold all that has been read with it.
    func compacted() -> ByteBuffer {
        storageCapacity > 4 * readableBytes + Self.smallStorage ? copied() : self
    }

    /// In bytes. Smaller ones are not worth a copy.
    private static let smallStorage = 512

    private func copied() -> ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
