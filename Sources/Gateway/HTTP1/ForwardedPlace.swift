import NIOCore

/// The client's view of the service's path prefix and port: `X-Forwarded-Prefix` and `X-Forwarded-Port`. Values from a
/// trusted proxy are kept; its prefix precedes the gateway's own.
struct ForwardedPlace {
    private var prefix: [UInt8] = []
    private var port: [UInt8] = []

    init(_ bytes: UnsafeRawBufferPointer, _ head: RequestHead, isTrusted: Bool) {
        guard isTrusted, head.hasForwarding else { return }
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if prefix.isEmpty, name.equalsIgnoringCase("x-forwarded-prefix"), Self.isPrefix(value) {
                prefix = Array(value)
            } else if port.isEmpty, name.equalsIgnoringCase("x-forwarded-port"), Self.isPort(value) {
                port = Array(value)
            }
        }
        while prefix.last == ASCII.slash { prefix.removeLast() }
    }

    /// - Parameter own: the prefix that the gateway removes from the path.
    func write(prefix own: [UInt8]?, to out: inout ByteBuffer) {
        let whole = prefix + (own ?? [])
        if !whole.isEmpty {
            out.writeStaticString("X-Forwarded-Prefix: ")
            out.writeBytes(whole)
            out.writeStaticString("\r\n")
        }
        if !port.isEmpty {
            out.writeStaticString("X-Forwarded-Port: ")
            out.writeBytes(port)
            out.writeStaticString("\r\n")
        }
    }

    /// A path that cannot be read as a host, since services insert it into links.
    private static func isPrefix(_ value: UnsafeRawBufferPointer) -> Bool {
        guard (1...1024).contains(value.count), value[0] == ASCII.slash else { return false }
        if value.count > 1, value[1] == ASCII.slash { return false }
        return value.allSatisfy { $0 > ASCII.space && $0 < 0x7F && $0 != backslash }
    }

    private static let backslash: UInt8 = 0x5C

    private static func isPort(_ value: UnsafeRawBufferPointer) -> Bool {
        guard (1...5).contains(value.count), value.allSatisfy({ (ASCII.zero...ASCII.nine).contains($0) }) else {
            return false
        }
        return (1...65_535).contains(value.reduce(0) { $0 * 10 + Int($1 - ASCII.zero) })
    }
}
