import MartletCore

/// Determines the client's address from the proxies in front of the gateway.
///
/// `nil` means unknown: a trusted proxy named the client in a way that cannot be parsed. An unknown client never counts
/// as the proxy, is not on any allow list, is on every deny list, and has its own rate-limit bucket.
enum ClientAddress {
    /// One step in a chain of proxies: the address that the request came from.
    typealias Step = IPAddress?

    /// The nearest address that is not a trusted proxy, from `X-Forwarded-For`, or from `Forwarded` (RFC 7239) if that
    /// is absent. The peer's address if both are absent.
    static func of(_ bytes: UnsafeRawBufferPointer, _ head: RequestHead, peer: ForwardedPeer) -> IPAddress? {
        guard peer.isTrusted, head.hasForwarding else { return peer.address }
        // Each proxy may have added its own line; the last one is the nearest.
        var list: [Step] = []
        var elements = ForwardedElements()
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("x-forwarded-for") {
                list += ForwardedNode.list(value)
            } else if name.equalsIgnoringCase("forwarded") {
                elements.read(value)
            }
        }
        // An element that only sets `proto` or `host` names no client.
        let forwarded = elements.hasFor ? elements.nodes : []
        guard !list.isEmpty else { return forwarded.isEmpty ? peer.address : peer.nearest(forwarded) }
        let client = peer.nearest(list)
        // If a proxy writes one field and passes the client's own version of the other, the two disagree, and there is
        // no telling which is the proxy's.
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
            // Nothing before an unparsable address can be trusted.
            guard let step else { return nil }
            client = step
            guard isProxy(step) else { break }
        }
        return client
    }
}

/// An address in `X-Forwarded-For` or `Forwarded` (RFC 7239 §6): bare, with a port, or in brackets.
enum ForwardedNode {
    /// The longest valid text: an IPv6 address with a zone in brackets, and a port.
    private static let longest = 64

    /// The elements of `X-Forwarded-For`, the nearest last; a single nil if it is empty.
    static func list(_ value: UnsafeRawBufferPointer) -> [IPAddress?] {
        var nodes: [IPAddress?] = []
        ListElements.forEach(in: value) { nodes.append(address($0)) }
        return nodes.isEmpty ? [nil] : nodes
    }

    /// - Returns: nil for anything that is not an address: `unknown`, `_hidden`, a name.
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

/// `Forwarded` (RFC 7239 §4): a list of elements, one per proxy, of name-value pairs.
struct ForwardedElements {
    /// The address in each element, the nearest last.
    private(set) var nodes: [IPAddress?] = []
    /// Whether any element has a `for` pair.
    private(set) var hasFor = false

    /// Reads a field line. A malformed line yields a single unknown address: a quote that a client leaves open must not
    /// swallow what its proxy appended.
    mutating func read(_ value: UnsafeRawBufferPointer) {
        let before = nodes.count
        var index = 0
        while true {
            guard let node = element(value, &index) else {
                nodes.removeSubrange(before...)
                nodes.append(nil)
                hasFor = true
                return
            }
            switch node {
            case .empty: break
            case .silent: nodes.append(nil)
            case .named(let text):
                nodes.append(ForwardedNode.address(text))
                hasFor = true
            }
            guard index < value.count else { return }
            index += 1
        }
    }

    private enum Element {
        /// RFC 9110 §5.6.1 permits empty list elements.
        case empty
        /// Has pairs, but no `for`.
        case silent
        case named([UInt8])
    }

    /// Reads up to the next comma or the end.
    /// - Returns: nil for a malformed element.
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

    /// A token or a quoted string. Accepts unquoted colons and brackets too, since many proxies do not quote them.
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
