import MartletCore
import NIOCore

/// A request as routes and policies see it: the bytes of its head and what was parsed from them. Valid only as long as
/// the bytes are.
struct RequestView {
    let bytes: UnsafeRawBufferPointer
    let head: RequestHead
    let target: RequestTarget
    /// The normalized path.
    let path: UnsafeRawBufferPointer
    let peer: ForwardedPeer
    /// See ``ClientAddress``. Computed once, since it scans all fields behind a proxy.
    let clientAddress: IPAddress?

    init(
        bytes: UnsafeRawBufferPointer, head: RequestHead, target: RequestTarget, path: UnsafeRawBufferPointer,
        peer: ForwardedPeer
    ) {
        self.bytes = bytes
        self.head = head
        self.target = target
        self.path = path
        self.peer = peer
        clientAddress = ClientAddress.of(bytes, head, peer: peer)
    }

    /// The same request with another path.
    init(_ request: RequestView, path: UnsafeRawBufferPointer) {
        bytes = request.bytes
        head = request.head
        target = request.target
        self.path = path
        peer = request.peer
        clientAddress = request.clientAddress
    }

    /// Whether trusted proxies name the client.
    var isForwarded: Bool { peer.isTrusted && head.hasForwarding }

    /// The first field of that name.
    /// - Parameter name: in lower case.
    func header(_ name: [UInt8]) -> UnsafeRawBufferPointer? {
        var result: UnsafeRawBufferPointer?
        Nomination.forEachLine(in: bytes, headers: head.headers) { candidate, value, _ in
            if result == nil, candidate.equalsIgnoringCase(name) { result = value }
        }
        return result
    }

    func text(_ name: String) -> String? { header(Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) } }

    /// The number of fields of that name.
    func count(_ name: [UInt8]) -> Int {
        var count = 0
        Nomination.forEachLine(in: bytes, headers: head.headers) { candidate, _, _ in
            if candidate.equalsIgnoringCase(name) { count += 1 }
        }
        return count
    }

    /// The requested host without its port and without a trailing dot, which servers ignore.
    var host: UnsafeRawBufferPointer {
        guard let range = target.authority ?? head.host else { return bytes.slice(ByteRange(0, 0)) }
        var host = bytes.slice(range)
        if let colon = host.lastIndex(of: ASCII.colon), !host[colon...].contains(ASCII.rightBracket) {
            host = UnsafeRawBufferPointer(rebasing: host[..<colon])
        }
        return host.last == ASCII.dot ? UnsafeRawBufferPointer(rebasing: host.dropLast()) : host
    }
}

extension UnsafeRawBufferPointer {
    /// - Parameter other: in lower case.
    func equalsIgnoringCase(_ other: [UInt8]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { ASCII.lowercased($0) == $1 }
    }
}
