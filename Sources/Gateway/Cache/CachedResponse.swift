import NIOCore

/// An answer as the cache keeps it: without a coding, with its length, and without what belongs to one connection.
final class CachedResponse: Sendable {
    /// The head, as if an upstream sent it.
    let head: ByteBuffer
    let parsed: ResponseHead
    let body: ByteBuffer
    let fields: CacheFields
    /// The fields of the request that it was chosen by.
    let selection: [(name: [UInt8], value: [UInt8])]
    /// What else it belongs to: see ``CacheRequest``.
    let scope: [UInt8]
    private let received: Int64
    private let initialAge: Int64

    /// What it costs to keep it, roughly, in bytes. What the client has sent is part of it.
    let size: Int

    /// - Returns: nil when the head does not fit the limits of a head any more.
    /// - Parameter date: a `Date` line, for an answer without one.
    init?(
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
        self.head = out
        self.parsed = parsed
        self.body = body
        self.fields = fields
        scope = request.scope
        selection = request.selection(fields.vary)
        size = Self.size(head: out, body: body, scope: scope, selection: selection)
        self.received = received
        initialAge = CacheRules.initialAge(of: fields, asked: asked, received: received)
    }

    /// What a 304 makes of it (RFC 9111 §4.3.4): its fields replace those of the same name.
    init?(
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
        // An answer's date and age are those of its last validation.
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
        self.head = out
        self.parsed = parsed
        body = old.body
        self.fields = fields
        scope = old.scope
        selection = request.selection(fields.vary)
        size = Self.size(head: out, body: body, scope: scope, selection: selection)
        self.received = received
        initialAge = CacheRules.initialAge(of: fields, asked: asked, received: received)
    }

    private static func size(
        head: ByteBuffer, body: ByteBuffer, scope: [UInt8], selection: [(name: [UInt8], value: [UInt8])]
    ) -> Int {
        // Each array takes some bytes beside its elements.
        selection.reduce(head.storageCapacity + body.storageCapacity + scope.count + 512) { size, field in
            size + field.name.count + field.value.count + 128
        }
    }

    func age(at now: Int64) -> Int64 { initialAge + max(0, now - received) }

    /// Whether the answer is one to this request (RFC 9111 §4.1).
    func matches(_ request: CacheRequest) -> Bool {
        scope == request.scope && selection.allSatisfy { request.value($0.name) == $0.value }
    }

    /// The fields of a 304 in place of it (RFC 9110 §15.4.5).
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
    /// What says how the kept content is written, which a 304 does not change.
    private static let kept = names("content-encoding", "content-type", "content-range", "set-cookie")
    private static let named = names("cache-control", "content-location", "etag", "expires", "last-modified", "vary")
}

/// What a request asks the cache for.
struct CacheRequest: Sendable {
    /// The URI: scheme, host, path and query.
    let key: [UInt8]
    /// What must be the same beside the URI for an answer to be given again: route, upstream and the fields that the
    /// route counts as part of the key.
    let scope: [UInt8]
    /// The field lines of the request.
    private let headers: [UInt8]

    init(key: [UInt8], scope: [UInt8], headers: [UInt8]) {
        self.key = key
        self.scope = scope
        self.headers = headers
    }

    /// All values of a field as one; empty when there is none.
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

    /// - Parameter names: of `Vary`. Codings are not asked for when the cache may keep the answer, so they do not count.
    func selection(_ names: [[UInt8]]) -> [(name: [UInt8], value: [UInt8])] {
        names.filter { $0 != Self.acceptEncoding }.map { ($0, value($0)) }
    }

    static let acceptEncoding = Array("accept-encoding".utf8)
}
