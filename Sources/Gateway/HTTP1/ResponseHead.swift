/// A parsed response head, as offsets into its bytes.
struct ResponseHead: MessageHead, Sendable {
    var status = 0
    /// The status code and reason phrase, without the version.
    var statusText = ByteRange(0, 0)
    var isVersion11 = true
    var headers = ByteRange(0, 0)
    var end = 0

    var contentLength: Int?
    var isChunked = false
    var wantsClose = false
    var hasConnectionOptions = false
    var hasDate = false
    /// The value of `Keep-Alive`.
    var keepAlive: ByteRange?
    /// The field lines that are not forwarded, in order.
    var cuts: [ByteRange] = []

    var isInterim: Bool { status < 200 }

    /// RFC 9112 §6.3.
    func framing(for method: RequestMethod) -> BodyFraming {
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if isChunked { return .chunked }
        guard let contentLength else { return .untilClose }
        return contentLength == 0 ? .none : .length(contentLength)
    }
}

/// Parses response heads as strictly as request heads. An upstream with faulty framing results in 502.
struct ResponseHeadParser: Sendable {
    private enum Stage { case statusLine, headers }

    /// Upstreams may send larger heads than clients: cookies and security policies add up.
    static let limits = HeadLimits(target: 8192, head: 65_536, headers: 200)

    private(set) var head = ResponseHead()
    private var scanner = LineScanner()
    private var stage = Stage.statusLine
    private var headerCount = 0

    mutating func reset() {
        head.reset()
        scanner = LineScanner()
        stage = .statusLine
        headerCount = 0
    }

    /// Continues where the last call stopped.
    /// - Returns: whether ``head`` is complete.
    mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) -> Bool {
        while true {
            switch scanner.next(in: bytes, limit: Self.limits.head) {
            case .incomplete: return false
            case .tooLong: throw .headTooLarge
            case .bareLineFeed: throw .bareLineFeed
            case .line(let start, let end, let next):
                switch stage {
                case .statusLine:
                    try readStatusLine(bytes, start, end)
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
                    guard headerCount <= Self.limits.headers else { throw .tooManyHeaders }
                    try readHeader(bytes, HeaderLine(bytes, start, end), lineEnd: next)
                }
            }
        }
    }

    private mutating func readStatusLine(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) throws(HTTPError) {
        let line = bytes.slice(ByteRange(start, end))
        guard line.count >= 12, line.prefix(7).elementsEqual("HTTP/1.".utf8), line[7] &- ASCII.zero <= 1,
            line[8] == ASCII.space, line.count == 12 || line[12] == ASCII.space
        else { throw .invalidStatusLine }
        var status = 0
        for byte in line[9..<12] {
            guard (ASCII.zero...ASCII.nine).contains(byte) else { throw .invalidStatusLine }
            status = status * 10 + Int(byte - ASCII.zero)
        }
        // The reason phrase is passed on to the client.
        let reasonIsValid = line[12...].allSatisfy { $0 >= ASCII.space && $0 != 0x7F || $0 == ASCII.tab }
        guard (100..<600).contains(status), reasonIsValid else { throw .invalidStatusLine }
        head.status = status
        head.statusText = ByteRange(start + 9, end)
        head.isVersion11 = line[7] != ASCII.zero
    }

    private mutating func readHeader(
        _ bytes: UnsafeRawBufferPointer, _ line: HeaderLine, lineEnd: Int
    ) throws(HTTPError) {
        switch ResponseField(bytes.slice(ByteRange(line.start, line.nameEnd))) {
        case .passed: break
        case .date: head.hasDate = true
        case .dropped:
            if line.nameEnd - line.start == 10,
                bytes.slice(ByteRange(line.start, line.nameEnd)).equalsIgnoringCase("keep-alive")
            {
                head.keepAlive = line.value
            }
            head.cut(from: line.start, to: lineEnd)
        case .contentLength:
            guard head.contentLength == nil else { throw .duplicateContentLength }
            head.contentLength = try ContentLength.parse(bytes.slice(line.value))
            // RFC 9110 §8.6 forbids it here, and a recipient might wait for a body.
            let zeros = ContentLength.leadingZeros(bytes.slice(line.value))
            if head.status < 200 || head.status == 204 {
                head.cut(from: line.start, to: lineEnd)
            } else if zeros > 0 {
                head.cut(from: line.value.start, to: line.value.start + zeros)
            }
        case .transferEncoding:
            guard !head.isChunked, head.isVersion11, bytes.slice(line.value).equalsIgnoringCase("chunked") else {
                throw .invalidTransferEncoding
            }
            head.isChunked = true
            head.cut(from: line.start, to: lineEnd)
        case .connection:
            let options = ConnectionOptions(bytes.slice(line.value))
            if options.close { head.wantsClose = true }
            if options.others { head.hasConnectionOptions = true }
            head.cut(from: line.start, to: lineEnd)
        }
    }

    private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HTTPError) {
        if head.isChunked, head.contentLength != nil { throw .conflictingFraming }
        if head.hasConnectionOptions {
            try Nomination.cut(
                in: bytes, headers: head.headers, protects: ResponseField.isProtected, cuts: &head.cuts)
        }
    }
}

/// How the gateway treats a response's header field.
enum ResponseField: Equatable {
    case passed, dropped, contentLength, transferEncoding, connection, date

    @inline(__always)
    init(_ name: UnsafeRawBufferPointer) {
        switch name.count {
        case 4 where name.equalsIgnoringCase("date"): self = .date
        // Hides which software runs behind the gateway.
        case 6 where name.equalsIgnoringCase("server"): self = .dropped
        case 7 where name.equalsIgnoringCase("upgrade") || name.equalsIgnoringCase("trailer"): self = .dropped
        case 10 where name.equalsIgnoringCase("connection"): self = .connection
        case 10 where name.equalsIgnoringCase("keep-alive"): self = .dropped
        // The gateway writes its own, exactly once.
        case 12 where name.equalsIgnoringCase("x-request-id"): self = .dropped
        case 14 where name.equalsIgnoringCase("content-length"): self = .contentLength
        case 16 where name.equalsIgnoringCase("proxy-connection"): self = .dropped
        case 17 where name.equalsIgnoringCase("transfer-encoding"): self = .transferEncoding
        case 18 where name.equalsIgnoringCase("proxy-authenticate"): self = .dropped
        default: self = .passed
        }
    }

    /// Fields that an upstream's `Connection` must not nominate.
    static func isProtected(_ name: UnsafeRawBufferPointer) -> Bool {
        switch ResponseField(name) {
        case .contentLength, .transferEncoding, .connection, .date: return true
        case .dropped: return false
        case .passed:
            let names: [StaticString] = [
                "cache-control", "content-encoding", "content-range", "content-security-policy", "content-type", "etag",
                "location", "set-cookie", "strict-transport-security", "vary", "www-authenticate",
                "x-content-type-options",
            ]
            return names.contains { name.equalsIgnoringCase($0) }
        }
    }
}
