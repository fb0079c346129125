import NIOCore

/// The `Host` line of a request head about to be sent.
enum HostLine {
    /// Returns the head with another host.
    /// - Parameter head: a head whose first field is `Host`.
    static func replaced(in head: ByteBuffer, by host: [UInt8]) -> ByteBuffer {
        let view = head.readableBytesView
        guard let first = view.firstIndex(of: ASCII.lineFeed),
            let second = view[view.index(after: first)...].firstIndex(of: ASCII.lineFeed)
        else { return head }
        var result = ByteBuffer()
        result.reserveCapacity(head.readableBytes + host.count)
        result.writeBytes(view[...first])
        result.writeStaticString("Host: ")
        result.writeBytes(host)
        result.writeStaticString("\r\n")
        result.writeBytes(view[view.index(after: second)...])
        return result
    }
}
