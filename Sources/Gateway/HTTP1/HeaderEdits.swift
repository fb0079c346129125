import MartletCore
import MartletTelemetry
import NIOCore

/// The peer of a connection, in the form in which headers need it. A class, since every request of the connection
/// passes it on, and copying a struct of so many fields would retain each of them.
final class ForwardedPeer: Sendable {
    let address: IPAddress?
    /// `X-Forwarded-For: …`, `X-Real-IP: …` and `X-Forwarded-Proto: …` as lines.
    let simpleLines: [UInt8]
    /// `for=…;proto=…;host=` of RFC 7239, up to the quoted host.
    let forwardedElement: [UInt8]
    /// The peer's address without brackets; empty for a Unix socket.
    let text: String
    /// `http` or `https`: what the peer uses to reach the gateway.
    let scheme: String
    /// Whether the peer's own forwarding fields are trusted.
    let isTrusted: Bool
    private let trustedProxies: AddressSet

    /// Redirects plain HTTP; nil serves it.
    let redirect: SecureRedirect?

    /// Whether the address belongs to a trusted proxy.
    func isProxy(_ address: IPAddress) -> Bool { trustedProxies.contains(address) }

    init(
        address: SocketAddress?, isSecure: Bool = false, trustedProxies: AddressSet, redirect: SecureRedirect? = nil
    ) {
        self.redirect = redirect
        let ip = address.flatMap(IPAddress.init)
        self.address = ip
        self.trustedProxies = trustedProxies
        text = ip?.description ?? ""
        isTrusted = ip.map(trustedProxies.contains) ?? false
        let node = ip == nil ? "unknown" : text
        scheme = isSecure ? "https" : "http"
        simpleLines = Array("X-Forwarded-For: \(node)\r\nX-Real-IP: \(node)\r\nX-Forwarded-Proto: \(scheme)\r\n".utf8)
        // RFC 7239 §6: an IPv6 address is in brackets and therefore quoted.
        let forwarded = ip == nil ? "unknown" : ip?.isIPv4 == true ? text : "\"[\(text)]\""
        forwardedElement = Array("for=\(forwarded);proto=\(scheme);host=".utf8)
    }
}

/// Writes message heads for the other side: the original header block without the fields that must not pass, plus the
/// gateway's own.
enum HeaderEdits {
    /// Writes the header block except for the cuts.
    static func writeFields(
        _ bytes: UnsafeRawBufferPointer, headers: ByteRange, cuts: [ByteRange], to out: inout ByteBuffer
    ) {
        var position = headers.start
        for cut in cuts {
            if cut.start > position { out.writeBytes(bytes.slice(ByteRange(position, cut.start))) }
            position = max(position, cut.end)
        }
        if headers.end > position { out.writeBytes(bytes.slice(ByteRange(position, headers.end))) }
    }

    /// Adds the lines that a policy removes to the cuts.
    static func cuts(
        _ cuts: [ByteRange], removing names: [[UInt8]], in bytes: UnsafeRawBufferPointer, headers: ByteRange
    ) -> [ByteRange] {
        guard !names.isEmpty else { return cuts }
        var all = cuts
        Nomination.forEachLine(in: bytes, headers: headers) { name, _, line in
            if names.contains(where: { name.equalsIgnoringCase($0) }) { all.append(line) }
        }
        return all.sorted { $0.start < $1.start }
    }

    /// Writes the request head for the upstream.
    /// - Parameters:
    ///   - path: the rewritten path; nil sends the matched one.
    ///   - rules: the edits of the route's policies.
    ///   - span: the gateway's span context, if traces are recorded.
    ///   - host: the `Host` to send in place of the client's, as the first field.
    ///   - prefix: the prefix that the route removes from the path.
    ///   - isGathered: whether a chunked body is sent with a length, which is added once known.
    static func writeRequest(
        _ request: RequestView, path: [UInt8]? = nil, rules: HeaderRules? = nil, upgrade: ByteRange? = nil,
        span: TraceContext? = nil,
        host: [UInt8]? = nil, prefix: [UInt8]? = nil, isGathered: Bool = false,
        defaultHost: [UInt8], requestID: [UInt8],
        random: inout FastRandom, to out: inout ByteBuffer
    ) {
        let (bytes, head, target, peer) = (request.bytes, request.head, request.target, request.peer)
        out.writeBytes(bytes.slice(head.methodRange))
        out.writeInteger(ASCII.space)
        var removed = rules?.removed ?? []
        // Without a valid parent a new trace starts, to which tracestate does not belong (W3C Trace Context §4.3).
        if head.hasTracestate, !(head.traceparent.map { Traceparent.isValid(bytes.slice($0)) } ?? false) {
            removed.append(tracestate)
        }
        if let path = path ?? target.rewrittenPath {
            out.writeBytes(path)
        } else {
            out.writeBytes(bytes.slice(target.path))
        }
        out.writeBytes(bytes.slice(target.query))
        out.writeStaticString(" HTTP/1.1\r\n")

        if host == nil, target.authority == nil, head.host != nil {
            let cuts = cuts(head.cuts, removing: removed, in: bytes, headers: head.headers)
            writeFields(bytes, headers: head.headers, cuts: cuts, to: &out)
        } else {
            // RFC 9112 §3.2.2: the authority of an absolute target replaces Host. An HTTP/1.0 client may send neither.
            out.writeStaticString("Host: ")
            if let host { out.writeBytes(host) } else { writeHost(bytes, head, target, defaultHost, to: &out) }
            out.writeStaticString("\r\n")
            var cuts = cuts(head.cuts, removing: removed, in: bytes, headers: head.headers)
            if !head.hostLine.isEmpty {
                cuts.append(head.hostLine)
                cuts.sort { $0.start < $1.start }
            }
            writeFields(bytes, headers: head.headers, cuts: cuts, to: &out)
        }
        if head.isChunked, !isGathered { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        if let upgrade { writeUpgrade(bytes.slice(upgrade), to: &out) }
        out.writeStaticString("X-Request-ID: ")
        out.writeBytes(requestID)
        out.writeStaticString("\r\n")
        if let span {
            out.writeString("traceparent: \(span.header)\r\n")
        } else {
            writeTraceparent(head.traceparent.map(bytes.slice), random: &random, to: &out)
        }
        let forwarding = out.writerIndex
        if request.isForwarded {
            writeTrustedForwarding(request, defaultHost, to: &out)
        } else {
            out.writeBytes(peer.simpleLines)
            out.writeStaticString("X-Forwarded-Host: ")
            writeHost(bytes, head, target, defaultHost, to: &out)
            out.writeStaticString("\r\nForwarded: ")
            out.writeBytes(peer.forwardedElement)
            out.writeInteger(ASCII.quote)
            writeHost(bytes, head, target, defaultHost, to: &out)
            out.writeStaticString("\"\r\n")
        }
        ForwardedPlace(bytes, head, isTrusted: peer.isTrusted).write(prefix: prefix, to: &out)
        if let rules {
            if rules.removesForwarding { removeLines(rules.removed, from: forwarding, in: &out) }
            out.writeBytes(rules.lines)
        }
        out.writeStaticString("\r\n")
    }

    private static let tracestate = Array("tracestate".utf8)

    /// Removes the gateway's own lines that a policy removes or replaces.
    private static func removeLines(_ names: [[UInt8]], from start: Int, in out: inout ByteBuffer) {
        let lines = out.getBytes(at: start, length: out.writerIndex - start) ?? []
        out.moveWriterIndex(to: start)
        for line in lines.split(separator: ASCII.lineFeed) {
            let name = line.prefix { $0 != ASCII.colon }.map(ASCII.lowercased)
            guard !names.contains(name) else { continue }
            out.writeBytes(line)
            out.writeInteger(ASCII.lineFeed)
        }
    }

    /// RFC 9110 §7.8.
    static func writeUpgrade(_ token: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
        out.writeStaticString("Connection: Upgrade\r\nUpgrade: ")
        out.writeBytes(token)
        out.writeStaticString("\r\n")
    }

    @inline(__always)
    private static func writeHost(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead, _ target: RequestTarget, _ defaultHost: [UInt8],
        to out: inout ByteBuffer
    ) {
        if let range = target.authority ?? head.host {
            out.writeBytes(bytes.slice(range))
        } else {
            out.writeBytes(defaultHost)
        }
    }

    /// Keeps a trusted proxy's forwarding fields and appends the proxy itself.
    private static func writeTrustedForwarding(
        _ request: RequestView, _ defaultHost: [UInt8], to out: inout ByteBuffer
    ) {
        let (bytes, head, target, peer) = (request.bytes, request.head, request.target, request.peer)
        var chain: [UInt8] = []
        var forwarded: [UInt8] = []
        var proto: [UInt8]?
        var host: [UInt8]?
        func append(_ value: UnsafeRawBufferPointer, to list: inout [UInt8]) {
            guard !value.isEmpty else { return }
            if !list.isEmpty { list += [ASCII.comma, ASCII.space] }
            list += value
        }
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("x-forwarded-for") { append(value, to: &chain) }
            if name.equalsIgnoringCase("forwarded") { append(value, to: &forwarded) }
            if name.equalsIgnoringCase("x-forwarded-proto"), proto == nil,
                value.equalsIgnoringCase("http") || value.equalsIgnoringCase("https")
            {
                proto = value.map(ASCII.lowercased)
            }
            if name.equalsIgnoringCase("x-forwarded-host"), host == nil, Authority.isValid(value) {
                host = Array(value)
            }
        }
        out.writeStaticString("X-Real-IP: ")
        out.writeString(request.clientAddress?.description ?? "unknown")
        out.writeStaticString("\r\n")
        Array(peer.text.utf8).withUnsafeBytes { append($0, to: &chain) }
        out.writeStaticString("X-Forwarded-For: ")
        out.writeBytes(chain)
        out.writeStaticString("\r\nX-Forwarded-Proto: ")
        out.writeBytes(proto ?? Array(peer.scheme.utf8))
        out.writeStaticString("\r\nX-Forwarded-Host: ")
        if let host { out.writeBytes(host) } else { writeHost(bytes, head, target, defaultHost, to: &out) }
        out.writeStaticString("\r\nForwarded: ")
        if !forwarded.isEmpty {
            out.writeBytes(forwarded)
            out.writeStaticString(", ")
        }
        out.writeBytes(peer.forwardedElement)
        out.writeInteger(ASCII.quote)
        writeHost(bytes, head, target, defaultHost, to: &out)
        out.writeStaticString("\"\r\n")
    }

    /// W3C Trace Context: continues a valid parent's trace with a new span id, else starts a new trace.
    private static func writeTraceparent(
        _ parent: UnsafeRawBufferPointer?, random: inout FastRandom, to out: inout ByteBuffer
    ) {
        out.writeStaticString("traceparent: 00-")
        var flags: UInt8 = 0
        if let parent, Traceparent.isValid(parent) {
            out.writeBytes(UnsafeRawBufferPointer(rebasing: parent[3..<35]))
            // The flags: sampled, and random trace id (level 2 §2.3.2).
            flags = (Hexadecimal.value(parent[54]) ?? 0) & 3
        } else {
            random.writeHexadecimal(to: &out)
            random.writeHexadecimal(to: &out)
        }
        out.writeInteger(ASCII.hyphen)
        random.writeHexadecimal(to: &out)
        out.writeStaticString("-0")
        out.writeInteger(ASCII.zero + flags)
        out.writeStaticString("\r\n")
    }

    /// Writes the response head for the client.
    static func writeResponse(
        _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, rules: HeaderRules? = nil,
        upgrade: UnsafeRawBufferPointer? = nil,
        requestID: [UInt8], date: [UInt8], connection: ConnectionAnnouncement, isChunked: Bool, to out: inout ByteBuffer
    ) {
        out.writeStaticString("HTTP/1.1 ")
        out.writeBytes(bytes.slice(head.statusText))
        // RFC 9112 §4: the space is required even without a reason phrase.
        if head.statusText.count == 3 { out.writeInteger(ASCII.space) }
        out.writeStaticString("\r\n")
        let cuts = cuts(head.cuts, removing: rules?.removed ?? [], in: bytes, headers: head.headers)
        writeFields(bytes, headers: head.headers, cuts: cuts, to: &out)
        if head.isInterim {
            if let upgrade { writeUpgrade(upgrade, to: &out) }
            out.writeStaticString("\r\n")
            return
        }
        if !head.hasDate { out.writeBytes(date) }
        if isChunked { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        if let rules { out.writeBytes(rules.lines) }
        out.writeStaticString("X-Request-ID: ")
        out.writeBytes(requestID)
        out.writeStaticString("\r\n")
        out.writeStaticString(connection.line)
        out.writeStaticString("\r\n")
    }
}

/// The `Connection` field of a response. HTTP/1.1 connections persist by default; HTTP/1.0 needs the field.
enum ConnectionAnnouncement {
    case none, keepAlive, close

    init(persists: Bool, isVersion11: Bool) {
        self = persists ? (isVersion11 ? .none : .keepAlive) : .close
    }

    var line: StaticString {
        switch self {
        case .none: ""
        case .keepAlive: "Connection: keep-alive\r\n"
        case .close: "Connection: close\r\n"
        }
    }
}

/// Parses `traceparent` of W3C Trace Context in place, without allocating. The rules equal those of `TraceContext` in
/// MartletTelemetry; `HeaderEditsTests` compares the two.
enum Traceparent {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 55, bytes[2] == ASCII.hyphen, bytes[35] == ASCII.hyphen, bytes[52] == ASCII.hyphen,
            isHexadecimal(bytes, 0, 2), isHexadecimal(bytes, 3, 35), isHexadecimal(bytes, 36, 52),
            isHexadecimal(bytes, 53, 55)
        else { return false }
        let isVersion00 = bytes[0] == ASCII.zero && bytes[1] == ASCII.zero
        guard isVersion00 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == ASCII.hyphen else { return false }
        let isForbidden = bytes[0] == 0x66 && bytes[1] == 0x66
        return !isForbidden && !isZero(bytes, 3, 35) && !isZero(bytes, 36, 52)
    }

    private static func isHexadecimal(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end {
            let byte = bytes[index]
            guard byte &- ASCII.zero < 10 || byte &- 0x61 < 6 else { return false }
        }
        return true
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end where bytes[index] != ASCII.zero { return false }
        return true
    }
}

/// A generator for unique but not secret identifiers (SplitMix64), without a system call for each.
struct FastRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// Never zero: an all-zero span id is invalid.
    mutating func next() -> UInt64 {
        state &+= Hash64.increment
        let value = Hash64.mix(state)
        return value == 0 ? 1 : value
    }

    /// 16 lower-case hexadecimal digits.
    mutating func writeHexadecimal(to out: inout ByteBuffer) {
        let (high, low) = hexadecimalWords()
        out.writeMultipleIntegers(high, low, endianness: .little)
    }

    mutating func appendHexadecimal(to out: inout [UInt8]) {
        let (high, low) = hexadecimalWords()
        withUnsafeBytes(of: high.littleEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: low.littleEndian) { out.append(contentsOf: $0) }
    }

    private mutating func hexadecimalWords() -> (UInt64, UInt64) {
        let value = next()
        return (Self.digits(UInt32(truncatingIfNeeded: value >> 32)), Self.digits(UInt32(truncatingIfNeeded: value)))
    }

    /// Eight digits at once: spreads the nibbles over bytes, then turns those above 9 into letters.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = ((spread >> 4) & 0x000F_000F_000F_000F) | ((spread & 0x000F_000F_000F_000F) << 8)
        let letters = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
