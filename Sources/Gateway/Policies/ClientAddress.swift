import MartletCore

/// Whom a request is from, as the proxies before the gateway tell it.
///
/// `nil` stands for nobody: a trusted proxy names somebody in a way that cannot be read. Nobody is never the proxy, is
/// admitted by no allow list, denied by every deny list, and has a bucket of rate limits of its own.
enum ClientAddress {
    /// One step of a chain of proxies: the address it had the request from.
    typealias Step = IPAddress?

    /// The nearest address that is no trusted proxy's, in `X-Forwarded-For`, or in `Forwarded` (RFC 7239) where there is
    /// no other; the peer's own where neither is there.
    static func of(_ bytes: UnsafeRawBufferPointer, _ head: RequestHead, peer: ForwardedPeer) -> IPAddress? {
        guard peer.isTrusted, head.hasForwarding else { return peer.address }
        // Every proxy may have added a line of its own: the last one's is the nearest.
        var list: [Step] = []
        var elements = ForwardedElements()
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("x-forwarded-for") {
                list += ForwardedNode.list(value)
            } else if name.equalsIgnoringCase("forwarded") {
                elements.read(value)
            }
        }
        // A proxy that says of `proto` or `host` alone says nothing of the client.
        let forwarded = elements.saysFor ? elements.nodes : []
        guard !list.isEmpty else { return forwarded.isEmpty ? peer.address : peer.nearest(forwarded) }
        let client = peer.nearest(list)
        // Where a proxy writes one field and passes the other on as its client sent it, they contradict each other, and
        // nobody knows which is the proxy's.
        guard !forwarded.isEmpty else { return client }
        guard let other = peer.nearest(forwarded), peer.isProxy(other) || other == client else { return nil }
        return client
    }
}

extension ForwardedPeer {
    /// - Parameter steps: the nearest last.
    fileprivate func nearest(_ steps: [ClientAddress.Step]) -> IPAddress? {
        var client: IPAddress?
        for step in steps.reversed() {
            // What is no address tells nothing, and nothing before it can be believed.
            guard let step else { return nil }
            client = step
            guard isProxy(step) else { break }
        }
        return client
    }
}

/// An address as `X-Forwarded-For` and `Forwarded` have it (RFC 7239 §6): alone, with a port, in brackets.
enum ForwardedNode {
    /// Longer ones are no addresses: an IPv6 address with a scope in brackets, and a port.
    private static let longest = 64

    /// The elements of `X-Forwarded-For`, the nearest last; one that says nothing where it is empty.
    static func list(_ value: UnsafeRawBufferPointer) -> [IPAddress?] {
        var nodes: [IPAddress?] = []
        ListElements.forEach(in: value) { nodes.append(address($0)) }
        return nodes.isEmpty ? [nil] : nodes
    }

    /// - Returns: nil for what is no address: `unknown`, `_hidden`, a name.
    static func address(_ node: some BidirectionalCollection<UInt8>) -> IPAddress? {
        guard node.count <= longest else { return nil }
        var text = Array(node)
        if text.count >= 2, text.first == ASCII.quote, text.last == ASCII.quote {
            text = Array(text[1..<text.count - 1])
        }
        var host = text[...]
        var port: ArraySlice<UInt8>?
        if text.first == ASCII.leftBracket {
            guard let end = text.firstIndex(of: ASCII.rightBracket) else { return nil }
            host = text[1..<end]
            guard host.contains(ASCII.colon) else { return nil }
            let rest = text[(end + 1)...]
            if !rest.isEmpty {
                guard rest.first == ASCII.colon else { return nil }
                port = rest.dropFirst()
            }
        } else if let colon = text.firstIndex(of: ASCII.colon), text.lastIndex(of: ASCII.colon) == colon {
            host = text[..<colon]
            port = text[(colon + 1)...]
        }
        if let port, !isPort(port) { return nil }
        return IPAddress(String(decoding: host, as: UTF8.self))
    }

    /// `port` or `obfport`.
    private static func isPort(_ port: ArraySlice<UInt8>) -> Bool {
        if port.first == ASCII.underscore { return port.count > 1 && port.allSatisfy(ASCIISet.token.contains) }
        guard (1...5).contains(port.count), port.allSatisfy({ (ASCII.zero...ASCII.nine).contains($0) }) else {
            return false
        }
        return port.reduce(0) { $0 * 10 + Int($1 - ASCII.zero) } <= 65_535
    }
}

/// `Forwarded` (RFC 7239 §4): elements of pairs, each written by a proxy.
struct ForwardedElements {
    /// The address that each element names, the nearest last.
    private(set) var nodes: [IPAddress?] = []
    /// Whether any of them says `for`.
    private(set) var saysFor = false

    /// Reads a line. Of one that is not well-formed nothing is believed: a quote that a client leaves open must not
    /// swallow what its proxy has added.
    mutating func read(_ value: UnsafeRawBufferPointer) {
        let before = nodes.count
        var index = 0
        while true {
            guard let node = element(value, &index) else {
                nodes.removeSubrange(before...)
                nodes.append(nil)
                saysFor = true
                return
            }
            switch node {
            case .empty: break
            case .silent: nodes.append(nil)
            case .named(let text):
                nodes.append(ForwardedNode.address(text))
                saysFor = true
            }
            guard index < value.count else { return }
            index += 1
        }
    }

    private enum Element {
        /// RFC 9110 §5.6.1: elements of lists may be empty.
        case empty
        /// Has pairs, of which none is `for`.
        case silent
        case named([UInt8])
    }

    /// Reads up to the next comma or the end.
    /// - Returns: nil for what is not well-formed.
    private func element(_ value: UnsafeRawBufferPointer, _ index: inout Int) -> Element? {
        var element = Element.empty
        while true {
            Self.skipBlanks(value, &index)
            let start = index
            while index < value.count, ASCIISet.token.contains(value[index]) { index += 1 }
            if index > start {
                let name = UnsafeRawBufferPointer(rebasing: value[start..<index])
                guard index < value.count, value[index] == 0x3D else { return nil }
                index += 1
                guard let text = Self.text(value, &index) else { return nil }
                if name.equalsIgnoringCase("for") {
                    if case .named = element { return nil }
                    element = .named(text)
                } else if case .empty = element {
                    element = .silent
                }
            }
            Self.skipBlanks(value, &index)
            guard index < value.count else { return element }
            if value[index] == ASCII.comma { return element }
            guard value[index] == ASCII.semicolon else { return nil }
            index += 1
        }
    }

    private static func skipBlanks(_ value: UnsafeRawBufferPointer, _ index: inout Int) {
        while index < value.count, value[index] == ASCII.space || value[index] == ASCII.tab { index += 1 }
    }

    /// A token or a quoted string. Tokens are taken with colons and brackets too, which many proxies do not quote.
    private static func text(_ value: UnsafeRawBufferPointer, _ index: inout Int) -> [UInt8]? {
        guard index < value.count else { return nil }
        guard value[index] == ASCII.quote else {
            let start = index
            while index < value.count, isBare(value[index]) { index += 1 }
            return index > start ? Array(value[start..<index]) : nil
        }
        var text: [UInt8] = []
        index += 1
        while index < value.count, value[index] != ASCII.quote {
            if value[index] == 0x5C { index += 1 }
            guard index < value.count else { return nil }
            text.append(value[index])
            index += 1
        }
        guard index < value.count else { return nil }
        index += 1
        return text
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        ASCIISet.token.contains(byte) || byte == ASCII.colon || byte == ASCII.leftBracket || byte == ASCII.rightBracket
    }
}
