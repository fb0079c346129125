import MartletCore
import NIOCore

/// A request as routes and policies see it: its head's bytes and what has been read from them. Valid only while the
/// bytes are.
struct RequestView {
    let bytes: UnsafeRawBufferPointer
    let head: RequestHead
    let target: RequestTarget
    /// In its normal form.
    let path: UnsafeRawBufferPointer
    let peer: ForwardedPeer
    /// See ``ClientAddress``; found out once, as behind a proxy all fields are looked at for it.
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

    /// The same request by another path.
    init(_ request: RequestView, path: UnsafeRawBufferPointer) {
        bytes = request.bytes
        head = request.head
        target = request.target
        self.path = path
        peer = request.peer
        clientAddress = request.clientAddress
    }

    /// Whether proxies that are believed say who the client is.
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

    /// How many fields of that name there are.
    func count(_ name: [UInt8]) -> Int {
        var count = 0
        Nomination.forEachLine(in: bytes, headers: head.headers) { candidate, _, _ in
            if candidate.equalsIgnoringCase(name) { count += 1 }
        }
        return count
    }

    /// The host that is asked for, without its port, and without the dot that a name may have at its end: servers take
    /// both for the same.
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
