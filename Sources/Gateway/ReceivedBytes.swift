import NIOCore

extension ByteBuffer {
    /// Appends received bytes to the unread ones.
    ///
    /// Drops the bytes already read first. Otherwise a buffer keeps them as long as any byte is unread, and a sender
    /// can arrange that by ending each write inside the next message.
    mutating func append(received bytes: ByteBuffer) {
        guard readableBytes > 0 else {
            self = bytes.compacted()
            return
        }
        if readerIndex > 0 { self = copied() }
        writeImmutableBuffer(bytes)
    }

    /// A copy of its own size if these bytes are a small part of a large buffer, else `self`. A slice retains the whole
    /// buffer: a one-byte frame would retain everything read with it.
    func compacted() -> ByteBuffer {
        storageCapacity > 4 * readableBytes + Self.smallStorage ? copied() : self
    }

    /// In bytes. Smaller buffers are not worth a copy.
    private static let smallStorage = 512

    private func copied() -> ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
