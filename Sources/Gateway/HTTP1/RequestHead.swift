/// The methods that the gateway distinguishes. Others that it accepts are passed on as they are.
enum RequestMethod: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, patch, options, other

    init(_ bytes: UnsafeRawBufferPointer) {
        // Methods are case-sensitive (RFC 9110 §9.1).
        switch bytes.count {
        case 3 where bytes.elementsEqual("GET".utf8): self = .get
        case 3 where bytes.elementsEqual("PUT".utf8): self = .put
        case 4 where bytes.elementsEqual("HEAD".utf8): self = .head
        case 4 where bytes.elementsEqual("POST".utf8): self = .post
        case 5 where bytes.elementsEqual("PATCH".utf8): self = .patch
        case 6 where bytes.elementsEqual("DELETE".utf8): self = .delete
        case 7 where bytes.elementsEqual("OPTIONS".utf8): self = .options
        default: self = .other
        }
    }

    /// The method as a metrics label: a bounded set whatever clients send.
    var label: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }

    /// Whether the method is safe (RFC 9110 §9.2.1), so that the request may be sent twice. Idempotence is not enough:
    /// another client's write may come between two copies of the same `PUT`.
    var isSafe: Bool {
        switch self {
        case .get, .head, .options: true
        case .post, .put, .patch, .delete, .other: false
        }
    }
}

/// How a message body is delimited (RFC 9112 §6).
enum BodyFraming: Equatable, Sendable {
    case none
    case length(Int)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose
}

/// The limits of a message head.
struct HeadLimits: Sendable {
    /// The longest request target, in bytes.
    var target = 8192
    /// The longest head in bytes, including the request line and the empty line.
    var head = 32_768
    /// The most header fields.
    var headers = 100
}

/// A parsed request head, as offsets into its bytes.
struct RequestHead: MessageHead, Sendable {
    var method = RequestMethod.other
    var methodRange = ByteRange(0, 0)
    var target = ByteRange(0, 0)
    /// Whether ``TargetRepair`` may apply.
    var hasUnusualTarget = false
    /// Otherwise HTTP/1.0.
    var isVersion11 = true
    /// From the first field line to the empty line.
    var headers = ByteRange(0, 0)
    /// The end of the head, where the body starts.
    var end = 0

    var host: ByteRange?
    /// The whole `Host` line.
    var hostLine = ByteRange(0, 0)
    var contentLength: Int?
    var isChunked = false
    var expectsContinue = false
    /// `Connection: close`.
    var wantsClose = false
    /// `Connection: keep-alive`, which HTTP/1.0 needs to persist.
    var wantsKeepAlive = false
    /// Whether `Connection` nominates fields, which must not be forwarded.
    var hasConnectionOptions = false
    /// `Connection: upgrade`.
    var wantsUpgrade = false
    /// The value of `Upgrade`; empty if there are several.
    var upgrade: ByteRange?
    var requestID: ByteRange?
    var traceparent: ByteRange?
    var hasTracestate = false
    /// Whether the client sent fields in which proxies name their clients.
    var hasForwarding = false
    /// The field lines that are not forwarded, in order, with their line ends.
    var cuts: [ByteRange] = []

    var framing: BodyFraming {
        if isChunked { return .chunked }
        guard let contentLength, contentLength > 0 else { return .none }
        return .length(contentLength)
    }

    /// Whether the client wants the connection to persist (RFC 9112 §9.3).
    var keepsAlive: Bool { isVersion11 ? !wantsClose : wantsKeepAlive && !wantsClose }
}

/// Parses request heads strictly according to RFC 9112.
struct RequestHeadParser: Sendable {
    private enum Stage { case requestLine, headers }

    let limits: HeadLimits
    private(set) var head = RequestHead()
    private var scanner = LineScanner()
    private var stage = Stage.requestLine
    private var skippedEmptyLine = false
    private var headerCount = 0

    init(limits: HeadLimits) { self.limits = limits }

    /// Prepares for the next request of the connection.
    mutating func reset() {
        head.reset()
        scanner = LineScanner()
        stage = .requestLine
        skippedEmptyLine = false
        headerCount = 0
    }

    /// Continues where the last call stopped.
    /// - Parameter bytes: everything received of the head, from its first byte.
    /// - Returns: whether ``head`` is complete.
    mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Bool {
        // Fails on the first byte if it cannot start a method, so that a TLS handshake on this port ends early.
        if stage == .requestLine, let first = bytes.first, !ASCIISet.token.contains(first),
            first != ASCII.carriageReturn
        {
            throw .invalidMethod
        }
        while true {
            let limit = stage == .requestLine ? limits.target + 64 : limits.head
            switch scanner.next(in: bytes, limit: limit) {
            case .incomplete:
                return false
            case .tooLong:
                if stage == .headers { throw .headTooLarge }
                // Without a space there is no target that could be too long.
                guard bytes.prefix(34).contains(ASCII.space) else { throw .invalidRequestLine }
                throw .targetTooLong
            case .bareLineFeed:
                throw .bareLineFeed
            case .line(let start, let end, let next):
                switch stage {
                case .requestLine:
                    if start == end, !skippedEmptyLine {
                        // RFC 9112 §2.2: an empty line before the request line is ignored. Only one is accepted here.
                        skippedEmptyLine = true
                        continue
                    }
                    try readRequestLine(bytes, start, end)
                    head.headers = ByteRange(next, next)
                    stage = .headers
                case .headers:
                    if start == end {
                        head.headers = ByteRange(head.headers.start, start)
                        head.end = next
                        try finish(bytes)
                        return true
                    }
                    headerCount += 1
                    guard headerCount <= limits.headers else { throw .tooManyHeaders }
                    try readHeader(bytes, HeaderLine(bytes, start, end), lineEnd: next)
                }
            }
        }
    }

    private mutating func readRequestLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(HTTPError) {
        var index = start
        while index < end, ASCIISet.token.contains(bytes[index]) { index += 1 }
        guard index > start, index - start <= 32 else { throw .invalidMethod }
        guard index < end, bytes[index] == ASCII.space else { throw .invalidMethod }
        head.methodRange = ByteRange(start, index)
        head.method = RequestMethod(bytes.slice(head.methodRange))
        let targetStart = index + 1
        index = targetStart
        while index < end, bytes[index] != ASCII.space {
            if !ASCIISet.plainTarget.contains(bytes[index]) { head.hasUnusualTarget = true }
            index += 1
        }
        guard index > targetStart else { throw .invalidRequestLine }
        guard index - targetStart <= limits.target else { throw .targetTooLong }
        head.target = ByteRange(targetStart, index)

        let version = bytes.slice(ByteRange(index + 1, end))
        guard index < end, version.count == 8, version.prefix(5).elementsEqual("HTTP/".utf8), version[6] == ASCII.dot,
            (ASCII.zero...ASCII.nine).contains(version[5]), (ASCII.zero...ASCII.nine).contains(version[7])
        else { throw .invalidRequestLine }
        guard version[5] == ASCII.zero + 1, version[7] <= ASCII.zero + 1 else {
            // The HTTP/2 preface is not an unsupported version but a client that expects HTTP/2.
            if bytes.slice(head.methodRange).elementsEqual("PRI".utf8) { throw .invalidRequestLine }
            throw .unsupportedVersion
        }
        head.isVersion11 = version[7] == ASCII.zero + 1

        if head.method == .other {
            let method = bytes.slice(head.methodRange)
            // RFC 9110 §15.6.2: 501 is for methods that no resource supports. CONNECT would open a tunnel, and TRACE
            // would reveal what the gateway adds. Servers know only registered methods and refuse others without
            // explanation.
            guard Self.otherMethods.contains(where: { method.elementsEqual($0.utf8) }) else { throw .unsupportedMethod }
        }
    }

    /// Forwarded besides the methods of ``RequestMethod``: WebDAV and related methods that servers implement.
    private static let otherMethods = [
        "ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
        "MOVE", "NOTIFY", "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SUBSCRIBE", "UNBIND",
        "UNLINK", "UNLOCK", "UNSUBSCRIBE",
    ]

    private mutating func readHeader(
        _ bytes: UnsafeRawBufferPointer, _ line: HeaderLine, lineEnd: Int
    ) throws(HTTPError) {
        let name = bytes.slice(ByteRange(line.start, line.nameEnd))
        switch RequestField(name) {
        case .passed:
            // CGI-style servers read `X_User_Id` and `X-User-Id` alike, so names with an underscore are dropped, as in
            // nginx by default.
            if line.hasUnderscore { head.cut(from: line.start, to: lineEnd) }
            if name.count == 10, name.equalsIgnoringCase("tracestate") { head.hasTracestate = true }
        case .dropped:
            head.cut(from: line.start, to: lineEnd)
        case .forwarding:
            head.hasForwarding = true
            head.cut(from: line.start, to: lineEnd)
        case .host:
            guard head.host == nil else { throw .duplicateHost }
            guard Authority.isValid(bytes.slice(line.value)) else { throw .invalidHost }
            head.host = line.value
            head.hostLine = ByteRange(line.start, lineEnd)
        case .contentLength:
            guard head.contentLength == nil else { throw .duplicateContentLength }
            head.contentLength = try ContentLength.parse(bytes.slice(line.value))
            let zeros = ContentLength.leadingZeros(bytes.slice(line.value))
            if zeros > 0 { head.cut(from: line.value.start, to: line.value.start + zeros) }
        case .transferEncoding:
            guard !head.isChunked, bytes.slice(line.value).equalsIgnoringCase("chunked") else {
                throw .invalidTransferEncoding
            }
            head.isChunked = true
            head.cut(from: line.start, to: lineEnd)
        case .connection:
            let options = ConnectionOptions(bytes.slice(line.value))
            if options.close { head.wantsClose = true }
            if options.keepAlive { head.wantsKeepAlive = true }
            if options.upgrade { head.wantsUpgrade = true }
            if options.others { head.hasConnectionOptions = true }
            head.cut(from: line.start, to: lineEnd)
        case .expect:
            guard bytes.slice(line.value).equalsIgnoringCase("100-continue") else { throw .unsupportedExpectation }
            // RFC 9110 §10.1.1: ignored for HTTP/1.0.
            if head.isVersion11 { head.expectsContinue = true } else { head.cut(from: line.start, to: lineEnd) }
        case .upgrade:
            head.upgrade = head.upgrade == nil ? line.value : ByteRange(0, 0)
            head.cut(from: line.start, to: lineEnd)
        case .requestID:
            // With several ids, none is used.
            head.requestID = head.requestID == nil ? line.value : ByteRange(0, 0)
            head.cut(from: line.start, to: lineEnd)
        case .traceparent:
            head.traceparent = head.traceparent == nil ? line.value : ByteRange(0, 0)
            head.cut(from: line.start, to: lineEnd)
        }
    }

    private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) {
        if head.isVersion11 {
            guard head.host != nil else { throw .missingHost }
        } else if head.isChunked {
            // RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so the framing is faulty.
            throw .invalidTransferEncoding
        }
        if head.isChunked, head.contentLength != nil { throw .conflictingFraming }
        if head.hasConnectionOptions {
            try Nomination.cut(in: bytes, headers: head.headers, protects: RequestField.isProtected, cuts: &head.cuts)
        }
    }
}
