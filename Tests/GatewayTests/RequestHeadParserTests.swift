import Testing

@testable import Gateway

/// Parses a complete head.
func parseHead(_ text: String, limits: HeadLimits = HeadLimits()) -> Result<RequestHead?, HTTPError> {
    parseHead(Array(text.utf8), limits: limits)
}

func parseHead(_ bytes: [UInt8], limits: HeadLimits = HeadLimits(), splits: [Int] = []) -> Result<
    RequestHead?, HTTPError
> {
    var parser = RequestHeadParser(limits: limits)
    for end in splits + [bytes.count] {
        let result = bytes[..<end].withUnsafeBytes { raw -> Result<Bool, HTTPError> in
            do throws(HTTPError) { return .success(try parser.parse(raw)) } catch { return .failure(error) }
        }
        switch result {
        case .success(true): return .success(parser.head)
        case .success(false): continue
        case .failure(let error): return .failure(error)
        }
    }
    return .success(nil)
}

private func error(_ text: String, limits: HeadLimits = HeadLimits()) -> HTTPError? {
    if case .failure(let error) = parseHead(text, limits: limits) { error } else { nil }
}

private func get(_ headers: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(headers)\r\n\r\n" }

@Suite struct RequestHeadParserTests {
    @Test func findsTheParts() throws {
        let text = "POST /a?b HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 12\r\nX-Request-ID: abc\r\n\r\nbody"
        let head = try #require(try parseHead(text).get())
        let bytes = Array(text.utf8)
        func part(_ range: ByteRange?) -> String? {
            range.map { String(decoding: bytes[$0.start..<$0.end], as: UTF8.self) }
        }
        #expect(head.method == .post)
        #expect(part(head.target) == "/a?b")
        #expect(part(head.host) == "example.com:8080")
        #expect(part(head.requestID) == "abc")
        #expect(head.framing == .length(12))
        #expect(head.keepsAlive)
        #expect(head.end == bytes.count - 4)
    }

    @Test func isIncompleteWithoutTheEmptyLine() throws {
        #expect(try parseHead("GET / HTTP/1.1\r\nHost: a\r\n").get() == nil)
        #expect(try parseHead("").get() == nil)
    }

    @Test func ignoresOneEmptyLineBeforeTheRequest() throws {
        #expect(try parseHead("\r\n" + get("A: b")).get() != nil)
        #expect(error("\r\n\r\n" + get("A: b")) == .invalidMethod)
    }

    @Test(arguments: [
        ("GET /\r\n\r\n", HTTPError.invalidRequestLine),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .invalidRequestLine),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", .invalidRequestLine),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .invalidRequestLine),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidRequestLine),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
        ("\u{16}\u{3}\u{1}", .invalidMethod),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .invalidRequestLine),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedMethod),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .unsupportedMethod),
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
    ])
    func refusesRequestLinesAndHosts(_ text: String, _ expected: HTTPError) {
        #expect(error(text) == expected)
    }

    @Test(arguments: [
        ("Name : v", HTTPError.invalidHeaderName),
        ("Na me: v", .invalidHeaderName),
        (": v", .invalidHeaderName),
        ("Name", .invalidHeaderName),
        ("N\u{e4}me: v", .invalidHeaderName),
        ("A: b\r\n folded", .invalidHeaderName),
        ("A: b\r\n\tfolded", .invalidHeaderName),
        ("A: b\rc", .invalidHeaderValue),
        ("A: b\r", .invalidHeaderValue),
        ("A: b\u{0}c", .invalidHeaderValue),
        ("A: 0123456789\u{1}", .invalidHeaderValue),
        ("A: \u{7f}", .invalidHeaderValue),
        ("A: b\nC: d", .bareLineFeed),
        ("Content-Length: 1, 1", .invalidContentLength),
        ("Content-Length: +1", .invalidContentLength),
        ("Content-Length: -1", .invalidContentLength),
        ("Content-Length: 1 1", .invalidContentLength),
        ("Content-Length: 0x10", .invalidContentLength),
        ("Content-Length:", .invalidContentLength),
        ("Content-Length: 9223372036854775808", .invalidContentLength),
        ("Content-Length: 99999999999999999999", .invalidContentLength),
        ("Content-Length: 5\r\nContent-Length: 5", .duplicateContentLength),
        ("Content-Length: 5\r\ncontent-LENGTH: 6", .duplicateContentLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .conflictingFraming),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", .conflictingFraming),
        ("Transfer-Encoding: gzip, chunked", .invalidTransferEncoding),
        ("Transfer-Encoding: identity", .invalidTransferEncoding),
        ("Transfer-Encoding: chunked, chunked", .invalidTransferEncoding),
        ("Transfer-Encoding: xchunked", .invalidTransferEncoding),
        ("Transfer-Encoding: \"chunked\"", .invalidTransferEncoding),
        ("Transfer-Encoding: chunked;q=1", .invalidTransferEncoding),
        ("Transfer-Encoding:\u{b}chunked", .invalidHeaderValue),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
        ("Transfer-Encoding : chunked", .invalidHeaderName),
        ("Expect: 200-ok", .unsupportedExpectation),
        ("Connection: Host", .invalidConnectionOption),
        ("Connection: close, Content-Length", .invalidConnectionOption),
        ("Connection: X-Request-ID", .invalidConnectionOption),
        ("Connection: authorization", .invalidConnectionOption),
        ("Connection: X-Forwarded-For", .invalidConnectionOption),
        ("Connection: X-User-Id", .invalidConnectionOption),
        ("Connection: Cookie", .invalidConnectionOption),
        ("Connection: a b", .invalidConnectionOption),
    ])
    func refusesHeaders(_ headers: String, _ expected: HTTPError) {
        #expect(error(get(headers)) == expected)
    }

    @Test func acceptsUnusualButUnambiguousRequests() throws {
        let text = "GET / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding: Chunked\r\nA:\t b\tc \u{e9}\t \r\nEmpty:\r\n\r\n"
        let head = try #require(try parseHead(text).get())
        #expect(head.framing == .chunked)
        #expect(try parseHead("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n").get() != nil)
        #expect(try parseHead("GET / HTTP/1.1\r\nHost: a:\r\n\r\n").get() != nil)
        #expect(try parseHead("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n").get()?.method == .other)
        #expect(error("FOO / HTTP/1.1\r\nHost: a\r\n\r\n") == .unsupportedMethod)
    }

    @Test func refusesTransferEncodingInHTTP10() {
        #expect(error("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == .invalidTransferEncoding)
    }

    @Test func keepsHTTP10ConnectionsOnlyWhenAsked() throws {
        #expect(try parseHead("GET / HTTP/1.0\r\n\r\n").get()?.keepsAlive == false)
        #expect(try parseHead("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").get()?.keepsAlive == true)
        #expect(try parseHead(get("Connection: keep-alive, close")).get()?.keepsAlive == false)
    }

    @Test func limitsTargetHeadAndHeaders() throws {
        let long = String(repeating: "a", count: 8191)
        #expect(try parseHead("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n").get() != nil)
        #expect(error("GET /\(long)a HTTP/1.1\r\nHost: a\r\n\r\n") == .targetTooLong)
        #expect(error("GET /\(long)" + String(repeating: "b", count: 100)) == .targetTooLong)
        #expect(error(String(repeating: "G", count: 9000)) == .invalidRequestLine)
        let hundred = (1...99).map { "H\($0): v\r\n" }.joined()
        #expect(try parseHead("GET / HTTP/1.1\r\nHost: a\r\n\(hundred)\r\n").get() != nil)
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\n\(hundred)More: v\r\n\r\n") == .tooManyHeaders)
        #expect(error(get("A: " + String(repeating: "x", count: 32_768))) == .headTooLarge)
    }

    @Test func resultDoesNotDependOnHowInputIsSplit() throws {
        let corpus = [
            get("Content-Length: 5\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: x-drop\r\nX-Drop: 1\r\nCookie: a=b"),
            "\r\nGET /a%20b?c=d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            get("A: b\rc"), get("Host: b"), "GET / HTTP/1.1\nHost: a\r\n\r\n", "G\u{0}T / HTTP/1.1\r\n\r\n",
            "GET / HTTP/3.0\r\n\r\n", get("Content-Length: 1\r\nTransfer-Encoding: chunked"),
        ]
        for text in corpus {
            let bytes = Array(text.utf8)
            let whole = description(of: parseHead(bytes))
            #expect(description(of: parseHead(bytes, splits: Array(0..<bytes.count))) == whole)
            for split in 0..<bytes.count { #expect(description(of: parseHead(bytes, splits: [split])) == whole) }
        }
    }

    @Test func marksHopByHopHeaders() throws {
        let dropped = [
            "Connection: keep-alive, X-Hop", "Keep-Alive: timeout=5", "Proxy-Connection: x", "TE: trailers",
            "Trailer: A",
            "Upgrade: websocket", "X-Hop: 1", "Proxy-Authorization: x", "X-Forwarded-For: 1.2.3.4",
            "x-forwarded-proto: https",
            "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4", "X-User-Id: 1", "x-user-anything: 2", "X_User_Id: 1",
            "x_forwarded_for: 1", "Content_Length: 3", "Proxy: http://evil", "X-Request-ID: abc", "HTTP2-Settings: x",
        ]
        let kept = ["Accept: */*", "Authorization: Bearer x", "X-Users: 1", "X-Forward: 1", "tracestate: a=b"]
        let lines = zip(dropped, kept + dropped[kept.count...]).enumerated().flatMap { index, pair in
            index < kept.count ? [pair.0, pair.1] : [pair.0]
        }
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\(lines.joined(separator: "\r\n"))\r\n\r\n"
        let head = try #require(try parseHead(text).get())
        var bytes = Array(text.utf8)[head.headers.start..<head.headers.end]
        for cut in head.cuts.reversed() { bytes.removeSubrange(cut.start..<cut.end) }
        #expect(String(decoding: bytes, as: UTF8.self) == "Host: a\r\n" + kept.map { $0 + "\r\n" }.joined())
    }
}

func description(of result: Result<RequestHead?, HTTPError>) -> String { "\(result)" }
