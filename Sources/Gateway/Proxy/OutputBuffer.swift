import NIOCore

/// Combines small pieces of output for a connection into one write, and passes large pieces on without copying.
///
/// A class, since writing and flushing can reenter the handler that owns it.
final class OutputBuffer {
    /// Up to this size, in bytes, a copy is cheaper than another element of a vectored write.
    static let copyLimit = 8192

    private var gathered = ByteBuffer()
    /// Whether the channel holds `gathered`. Its storage is reused once the channel has released it.
    private var isTaken = true
    private(set) var needsFlush = false

    /// Appends to the next write.
    func withGathered(_ body: (inout ByteBuffer) -> Void) {
        if isTaken {
            // Reuses the storage if the channel has released it, else allocates.
            gathered.clear(minimumCapacity: 1024)
            isTaken = false
        }
        body(&gathered)
    }

    func append(_ data: ByteBuffer, to context: ChannelHandlerContext) {
        if data.readableBytes <= Self.copyLimit {
            withGathered { $0.writeImmutableBuffer(data) }
            if gathered.readableBytes > 2 * Self.copyLimit { writeGathered(to: context) }
        } else {
            writeGathered(to: context)
            context.write(NIOAny(data), promise: nil)
            needsFlush = true
        }
    }

    /// One chunk of a chunked body (RFC 9112 §7.1).
    func appendChunk(_ data: ByteBuffer, to context: ChannelHandlerContext) {
        guard data.readableBytes > 0 else { return }
        withGathered { out in
            out.writeString(String(data.readableBytes, radix: 16))
            out.writeStaticString("\r\n")
        }
        append(data, to: context)
        withGathered { $0.writeStaticString("\r\n") }
    }

    func appendLastChunk() {
        withGathered { $0.writeStaticString("0\r\n\r\n") }
    }

    func writeGathered(to context: ChannelHandlerContext) {
        guard !isTaken, gathered.readableBytes > 0 else { return }
        isTaken = true
        context.write(NIOAny(gathered), promise: nil)
        needsFlush = true
    }

    func flush(to context: ChannelHandlerContext) {
        writeGathered(to: context)
        guard needsFlush else { return }
        needsFlush = false
        context.flush()
    }

    /// Frees the memory of an unusually large head.
    func trim() {
        if isTaken, gathered.capacity > 2 * Self.copyLimit { gathered = ByteBuffer() }
    }
}
