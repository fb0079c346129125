import NIOCore

/// Reverses a ``GatewayConfiguration/Rewrite`` in responses: maps the service's paths in `Location`, `Content-Location`
/// and cookies to those that clients see.
struct ResponseRewrite: Sendable {
    private let strip: [UInt8]
    private let add: [UInt8]

    /// - Returns: nil when responses stay unchanged.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)`` for a path that is not normalized.
    init?(_ rewrite: GatewayConfiguration.Rewrite) throws(GatewayError) {
        guard rewrite.mapsAnswers else { return nil }
        strip = try rewrite.stripPrefix.map(RouteKey.normalForm) ?? []
        add = try rewrite.addPrefix.map(RouteKey.normalForm) ?? []
    }

    /// The hosts by which a reference in a response may name the service.
    struct Hosts {
        /// The host that the client requested.
        let client: [UInt8]
        /// The service's own host names.
        let own: [[UInt8]]
    }

    /// The fields to remove from a response and those to write instead; nil when nothing changes.
    /// - Parameter removed: names of fields that are removed anyway.
    func rules(
        _ bytes: UnsafeRawBufferPointer, headers: ByteRange, hosts: Hosts, except removed: [[UInt8]]
    ) -> HeaderRules? {
        var rules = HeaderRules()
        var isChanged = false
        Nomination.forEachLine(in: bytes, headers: headers) { name, value, line in
            guard let known = Self.names.first(where: { name.equalsIgnoringCase($0) }), !removed.contains(known) else {
                return
            }
            let mapped = known == Self.cookie ? cookie(value) : reference(value, hosts)
            if !rules.removed.contains(known) { rules.removed.append(known) }
            guard let mapped else { return rules.lines += bytes.slice(line) }
            isChanged = true
            rules.lines += name
            rules.lines += [ASCII.colon, ASCII.space] + mapped + [ASCII.carriageReturn, ASCII.lineFeed]
        }
        return isChanged ? rules : nil
    }

    private static let twoSlashes = [ASCII.slash, ASCII.slash]
    private static let cookie = Array("set-cookie".utf8)
    private static let names = [Array("location".utf8), Array("content-location".utf8), cookie]

    /// A service path as clients see it; nil when the route does not lead to it or it is already mapped.
    private func path(_ path: some RandomAccessCollection<UInt8>) -> [UInt8]? {
        func begins(with prefix: [UInt8]) -> Bool {
            guard path.starts(with: prefix) else { return false }
            return path.count == prefix.count || path.dropFirst(prefix.count).first == ASCII.slash
        }
        guard add.isEmpty || begins(with: add) else { return nil }
        // A service that honors X-Forwarded-Prefix has added the prefix itself.
        guard !add.isEmpty || !begins(with: strip) else { return nil }
        let result = strip + path.dropFirst(add.count)
        // A leading `//` would name another host.
        if result.starts(with: Self.twoSlashes) { return nil }
        return result.isEmpty ? [ASCII.slash] : result
    }

    /// Maps a URI reference (RFC 3986 §4.1); nil when it stays unchanged.
    func reference(_ value: UnsafeRawBufferPointer, _ hosts: Hosts) -> [UInt8]? {
        var start = 0
        for scheme in ["http:", "https:"] as [StaticString]
        where value.count > scheme.utf8CodeUnitCount
            && UnsafeRawBufferPointer(rebasing: value[..<scheme.utf8CodeUnitCount]).equalsIgnoringCase(scheme)
        {
            start = scheme.utf8CodeUnitCount
        }
        let isAbsolute = start > 0
        var isOwn = false
        if value.count >= start + 2, value[start] == ASCII.slash, value[start + 1] == ASCII.slash {
            let begin = start + 2
            start = begin
            while start < value.count, !Self.endsAuthority(value[start]) { start += 1 }
            let host = value[begin..<start].map(ASCII.lowercased)
            if !host.elementsEqual(hosts.client.map(ASCII.lowercased)) {
                guard hosts.own.contains(where: { $0.map(ASCII.lowercased).elementsEqual(host) }) else { return nil }
                isOwn = true
            }
        } else if isAbsolute || value.first != ASCII.slash {
            return nil
        }
        var end = start
        while end < value.count, value[end] != ASCII.questionMark, value[end] != Self.numberSign { end += 1 }
        let mapped = path(value[start..<end])
        // The service's own host name is unknown outside.
        if isOwn {
            let whole = mapped ?? Array(value[start..<end])
            if whole.starts(with: Self.twoSlashes) { return nil }
            return (whole.isEmpty ? [ASCII.slash] : whole) + value[end...]
        }
        return mapped.map { Array(value[..<start]) + $0 + value[end...] }
    }

    private static let numberSign: UInt8 = 0x23

    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == ASCII.slash || byte == ASCII.questionMark || byte == numberSign
    }

    /// Maps the `Path` of a cookie (RFC 6265 §4.1); nil when it stays unchanged.
    func cookie(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(value.count + strip.count)
        var isChanged = false
        var position = 0
        while position <= value.count {
            var end = position
            while end < value.count, value[end] != ASCII.semicolon { end += 1 }
            var first = position
            while first < end, value[first] == ASCII.space || value[first] == ASCII.tab { first += 1 }
            // The first part is the cookie pair itself, even if its name is `path`.
            if position > 0, end - first > 5,
                UnsafeRawBufferPointer(rebasing: value[first..<first + 5]).equalsIgnoringCase("path="),
                var mapped = path(value[(first + 5)..<end])
            {
                // A cookie with the path /v2/ would not be sent to /v2.
                if mapped.count > 1, mapped.last == ASCII.slash { mapped.removeLast() }
                result += value[position..<first + 5]
                result += mapped
                isChanged = true
            } else {
                result += value[position..<end]
            }
            if end < value.count { result.append(ASCII.semicolon) }
            position = end + 1
        }
        return isChanged ? result : nil
    }
}
