import NIOCore

/// A stored response: without a content coding, with its length, and without connection-specific fields.
final class CachedResponse: Sendable {
    /// The head, as if sent by an upstream.
    let head: ByteBuffer
    let parsed: ResponseHead
    let body: ByteBuffer
    let fields: CacheFields
    /// The request fields that selected it (`Vary`).
    let selection: [(name: [UInt8], value: [UInt8])]
    /// See ``CacheRequest/scope``.
    let scope: [UInt8]
    private let received: Int64
    private let initialAge: Int64

    /// The approximate memory it uses, in bytes. Includes what clients have sent.
    let size: Int

    /// - Returns: nil when the head no longer fits the limits of a head.
    /// - Parameter date: a `Date` line, for a response without one.
    convenience init?(
        _ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, body: ByteBuffer, request: CacheRequest,
        asked: Int64, received: Int64, date: [UInt8]
    ) {
        var out = ByteBuffer()
        Self.writeStatus(bytes, head, to: &out)
        let cuts = HeaderEdits.cuts(head.cuts, removing: Self.rewritten, in: bytes, headers: head.headers)
        HeaderEdits.writeFields(bytes, headers: head.headers, cuts: cuts, to: &out)
        if !head.hasDate { out.writeBytes(date) }
        Self.finish(&out, length: body.readableBytes)
        guard let parsed = Self.parse(out) else { return nil }
        let fields = CacheFields(bytes, headers: head.headers, status: head.status, received: received)
        self.init(out, parsed, body, fields, request, scope: request.scope, asked: asked, received: received)
    }

    /// The response freshened by a 304 (RFC 9111 §4.3.4): its fields replace stored ones of the same name.
    convenience init?(
        _ old: CachedResponse, freshenedBy bytes: UnsafeRawBufferPointer, _ head: ResponseHead, request: CacheRequest,
        asked: Int64, received: Int64, date: [UInt8]
    ) {
        let replaced = Self.rewritten + Self.kept
        var names: [[UInt8]] = []
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, _, line in
            let isCut = head.cuts.contains { $0.start <= line.start && line.end <= $0.end }
            if !isCut, !replaced.contains(where: { name.equalsIgnoringCase($0) }) {
                names.append(name.map(ASCII.lowercased))
            }
        }
        // Date and age are those of the last validation.
        let removed = names + [Array("date".utf8), Array("age".utf8), Array("content-length".utf8)]
        var out = ByteBuffer()
        old.head.withUnsafeReadableBytes { oldBytes in
            Self.writeStatus(oldBytes, old.parsed, to: &out)
            HeaderEdits.writeFields(
                oldBytes, headers: old.parsed.headers,
                cuts: HeaderEdits.cuts([], removing: removed, in: oldBytes, headers: old.parsed.headers), to: &out)
        }
        HeaderEdits.writeFields(
            bytes, headers: head.headers,
            cuts: HeaderEdits.cuts(head.cuts, removing: replaced, in: bytes, headers: head.headers), to: &out)
        if !head.hasDate { out.writeBytes(date) }
        Self.finish(&out, length: old.body.readableBytes)
        guard let parsed = Self.parse(out) else { return nil }
        var fields = out.withUnsafeReadableBytes {
            CacheFields($0, headers: parsed.headers, status: parsed.status, received: received)
        }
        fields.age = CacheFields(bytes, headers: head.headers, status: head.status).age
        self.init(out, parsed, old.body, fields, request, scope: old.scope, asked: asked, received: received)
    }

    private init(
        _ head: ByteBuffer, _ parsed: ResponseHead, _ body: ByteBuffer, _ fields: CacheFields, _ request: CacheRequest,
        scope: [UInt8], asked: Int64, received: Int64
    ) {
        self.head = head
        self.parsed = parsed
        self.body = body
        self.fields = fields
        self.scope = scope
        selection = request.selection(fields.vary)
        size = Self.size(head: head, body: body, scope: scope, selection: selection)
        self.received = received
        initialAge = CacheRules.initialAge(of: fields, asked: asked, received: received)
    }

    private static func size(
        head: ByteBuffer, body: ByteBuffer, scope: [UInt8], selection: [(name: [UInt8], value: [UInt8])]
    ) -> Int {
        // Each array has some overhead besides its elements.
        selection.reduce(head.storageCapacity + body.storageCapacity + scope.count + 512) { size, field in
            size + field.name.count + field.value.count + 128
        }
    }

    func age(at now: Int64) -> Int64 { initialAge + max(0, now - received) }

    /// Whether the response was selected for this request (RFC 9111 §4.1).
    func matches(_ request: CacheRequest) -> Bool {
        scope == request.scope && selection.allSatisfy { request.value($0.name) == $0.value }
    }

    /// The fields of a 304 in its place (RFC 9110 §15.4.5).
    var notModifiedLines: [UInt8] {
        var lines: [UInt8] = []
        head.withUnsafeReadableBytes { bytes in
            Nomination.forEachLine(in: bytes, headers: parsed.headers) { name, _, line in
                guard Self.named.contains(where: { name.equalsIgnoringCase($0) }) else { return }
                lines += bytes.slice(line)
            }
        }
        return lines
    }

    private static func writeStatus(_ bytes: UnsafeRawBufferPointer, _ head: ResponseHead, to out: inout ByteBuffer) {
        out.writeStaticString("HTTP/1.1 ")
        out.writeBytes(bytes.slice(head.statusText))
        if head.statusText.count == 3 { out.writeInteger(ASCII.space) }
        out.writeStaticString("\r\n")
    }

    private static func finish(_ out: inout ByteBuffer, length: Int) {
        out.writeStaticString("Content-Length: ")
        out.writeString(String(length))
        out.writeStaticString("\r\n\r\n")
    }

    private static func parse(_ head: ByteBuffer) -> ResponseHead? {
        var parser = ResponseHeadParser()
        let isComplete = head.withUnsafeReadableBytes { bytes in (try? parser.parse(bytes)) ?? false }
        return isComplete ? parser.head : nil
    }

    private static func names(_ names: String...) -> [[UInt8]] { names.map { Array($0.utf8) } }

    private static let rewritten = names("content-length", "age")
    /// Fields that describe the stored content, which a 304 does not change.
    private static let kept = names("content-encoding", "content-type", "content-range", "set-cookie")
    private static let named = names("cache-control", "content-location", "etag", "expires", "last-modified", "vary")
}

/// The cache key of a request.
struct CacheRequest: Sendable {
    /// The URI: scheme, host, path and query.
    let key: [UInt8]
    /// What must match besides the URI: the route, the upstream, and the fields that the route adds to the key.
    let scope: [UInt8]
    /// The field lines of the request.
    private let headers: [UInt8]

    init(key: [UInt8], scope: [UInt8], headers: [UInt8]) {
        self.key = key
        self.scope = scope
        self.headers = headers
    }

    /// All values of a field, joined; empty without the field.
    /// - Parameter name: in lower case.
    func value(_ name: [UInt8]) -> [UInt8] { headers.withUnsafeBytes { Self.value(name, in: $0) } }

    static func value(_ name: [UInt8], in bytes: UnsafeRawBufferPointer, headers: ByteRange? = nil) -> [UInt8] {
        var result: [UInt8] = []
        Nomination.forEachLine(in: bytes, headers: headers ?? ByteRange(0, bytes.count)) { candidate, value, _ in
            guard candidate.equalsIgnoringCase(name) else { return }
            if !result.isEmpty { result += [ASCII.comma, ASCII.space] }
            result += value
        }
        return result
    }

    /// - Parameter names: the names in `Vary`. `Accept-Encoding` is skipped, since cacheable requests ask for no
    ///   coding.
    func selection(_ names: [[UInt8]]) -> [(name: [UInt8], value: [UInt8])] {
        names.filter { $0 != Self.acceptEncoding }.map { ($0, value($0)) }
    }

    static let acceptEncoding = Array("accept-encoding".utf8)
}
