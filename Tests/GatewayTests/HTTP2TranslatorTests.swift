import NIOCore
import NIOHPACK
import Testing

@testable import Gateway

@Suite struct HTTP2RequestTranslatorTests {
    private static let get = TestHTTP2Client.fields()

    private func translate(
        _ fields: [(String, String)], endsStream: Bool = true
    ) throws -> (HTTP2RequestTranslator, String) {
        var translator = HTTP2RequestTranslator()
        var out = ByteBuffer()
        try translator.receive(HPACKHeaders(fields), endsStream: endsStream, writingTo: &out)
        return (translator, String(buffer: out))
    }

    @Test func makesARequestHead() throws {
        let (translator, text) = try translate(Self.get + [("accept", "*/*"), ("x-a", "b")])
        #expect(text == "GET /api/x HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\nx-a: b\r\n\r\n")
        #expect(translator.method == .get)
        #expect(translator.isComplete)
    }

    @Test func usesHostWithoutAuthority() throws {
        let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "a.example")]
        #expect(try translate(fields).1 == "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
        #expect(try translate(Self.get + [("host", "EXAMPLE.com")]).1.contains("host: example.com\r\n"))
    }

    @Test func joinsCookiesAndDropsTE() throws {
        let text = try translate(Self.get + [("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2")]).1
        #expect(text == "GET /api/x HTTP/1.1\r\nhost: example.com\r\ncookie: a=1; b=2\r\n\r\n")
    }

    @Test func framesABodyOfUnknownLengthInChunks() throws {
        var (translator, _) = try translate(TestHTTP2Client.fields("POST"), endsStream: false)
        var out = ByteBuffer()
        try translator.receive(ByteBuffer(string: "0123456789abcdef"), endsStream: false, writingTo: &out)
        try translator.receive(ByteBuffer(), endsStream: false, writingTo: &out)
        #expect(!translator.isComplete)
        try translator.receive(ByteBuffer(string: "x"), endsStream: true, writingTo: &out)
        #expect(String(buffer: out) == "10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n")
        #expect(translator.isComplete)
    }

    @Test func dropsTrailersAndEndsTheBodyWithThem() throws {
        var (translator, text) = try translate(TestHTTP2Client.fields("POST"), endsStream: false)
        #expect(text.hasSuffix("transfer-encoding: chunked\r\n\r\n"))
        var out = ByteBuffer()
        try translator.receive(HPACKHeaders([("x-sum", "1")]), endsStream: true, writingTo: &out)
        #expect(String(buffer: out) == "0\r\n\r\n")
    }

    @Test func holdsTheBodyToItsContentLength() throws {
        let fields = TestHTTP2Client.fields("POST") + [("content-length", "4")]
        var out = ByteBuffer()
        var (whole, text) = try translate(fields, endsStream: false)
        #expect(text.hasSuffix("content-length: 4\r\n\r\n"))
        try whole.receive(ByteBuffer(string: "ab"), endsStream: false, writingTo: &out)
        try whole.receive(ByteBuffer(string: "cd"), endsStream: true, writingTo: &out)
        #expect(String(buffer: out) == "abcd")
        for (body, endsStream) in [("abc", true), ("abcde", false)] {
            var (translator, _) = try translate(fields, endsStream: false)
            #expect(throws: HTTP2RequestTranslator.Malformed.contentLength) {
                try translator.receive(ByteBuffer(string: body), endsStream: endsStream, writingTo: &out)
            }
        }
        #expect(throws: HTTP2RequestTranslator.Malformed.contentLength) { try translate(fields) }
    }

    @Test func writesContentLengthZeroForEmptyPosts() throws {
        #expect(try translate(TestHTTP2Client.fields("POST")).1.hasSuffix("content-length: 0\r\n\r\n"))
        #expect(try !translate(TestHTTP2Client.fields("DELETE")).1.contains("content-length"))
    }

    /// Fields that replace those of a valid request.
    private static let malformed: [[(String, String)]] = [
        // Pseudo-header fields that are missing, empty, or after regular fields.
        [(":method", "GET"), (":scheme", "http"), (":authority", "a")],
        [(":method", "GET"), (":path", "/"), (":authority", "a")],
        [(":scheme", "http"), (":path", "/"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "")],
        [("accept", "a"), (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "ftp"), (":path", "/"), (":authority", "a")],
        // Values that would become another line or another request.
        TestHTTP2Client.fields("GET", "/ HTTP/1.1\r\nX: y"), TestHTTP2Client.fields("GET /x HTTP/1.1\r\n\r\nGET"),
        TestHTTP2Client.fields("GET /x", "/y"), TestHTTP2Client.fields("", "/y"),
        TestHTTP2Client.fields("GET", "http://b/"), TestHTTP2Client.fields("GET", ""),
        TestHTTP2Client.fields("GET", "*"), TestHTTP2Client.fields("GET", "x"), TestHTTP2Client.fields("GET", "/a b"),
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a\r\nx: y")],
        // RFC 9113 §8.5
        [(":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "a:1")],
        [(":method", "CONNECT")],
    ]

    /// Fields appended to those of a valid request.
    private static let malformedFields: [[(String, String)]] = [
        [(":path", "/y")], [(":status", "200")], [(":protocol", "x")], [("a", "b"), (":protocol", "x")],
        [("x", "a\r\nb: c")], [("x", "a\nb")], [("x", "a\0")], [("x", "a\r")], [("x", " a")], [("x", "a\t")],
        [("x\r\ny", "a")], [("x y", "a")], [("X", "a")], [("", "a")], [("x:", "a")],
        // Connection-specific fields.
        [("connection", "close")], [("keep-alive", "1")], [("proxy-connection", "a")],
        [("transfer-encoding", "chunked")], [("upgrade", "websocket")], [("te", "gzip")],
        // Fields for the host and the length.
        [("host", "other.example")], [("content-length", "1"), ("content-length", "1")], [("content-length", "-1")],
        [("content-length", "1,1")], [("content-length", "")],
    ]

    private static let malformedHeads: [[(String, String)]] =
        malformed + malformedFields.map { (fields: [(String, String)]) in get + fields }

    @Test(arguments: malformedHeads)
    func refusesMalformedHeads(_ fields: [(String, String)]) {
        #expect(throws: HTTP2RequestTranslator.Malformed.self) { try translate(fields, endsStream: false) }
    }

    @Test func refusesTrailersThatAreNone() throws {
        let cases: [([(String, String)], Bool)] = [
            ([("a", "b")], false), ([(":path", "/")], true), ([("A", "b")], true), ([("a", "b\r\nc")], true),
        ]
        for (fields, endsStream) in cases {
            var (translator, _) = try translate(TestHTTP2Client.fields("POST"), endsStream: false)
            var out = ByteBuffer()
            #expect(throws: HTTP2RequestTranslator.Malformed.self) {
                try translator.receive(HPACKHeaders(fields), endsStream: endsStream, writingTo: &out)
            }
        }
    }

    @Test func refusesWhatComesAfterTheEnd() throws {
        var (translator, _) = try translate(Self.get)
        var out = ByteBuffer()
        #expect(throws: HTTP2RequestTranslator.Malformed.sequence) {
            try translator.receive(ByteBuffer(string: "x"), endsStream: true, writingTo: &out)
        }
        #expect(throws: HTTP2RequestTranslator.Malformed.sequence) {
            try translator.receive(HPACKHeaders(Self.get), endsStream: true, writingTo: &out)
        }
    }
}

@Suite struct HTTP2ResponseTranslatorTests {
    private typealias Part = HTTP2ResponseTranslator.Part

    /// Translates bytes that arrive in pieces of `step` bytes.
    private func translate(_ text: String, _ method: RequestMethod = .get, step: Int = .max) throws -> [Part] {
        var translator = HTTP2ResponseTranslator()
        var parts: [Part] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            translator.append(ByteBuffer(bytes: rest.prefix(step)))
            rest = rest.dropFirst(step)
            while true {
                let part = try translator.next(method)
                if part == .needMore { break }
                parts.append(part)
            }
        }
        return parts
    }

    @Test func makesHeadersInLowerCaseWithoutThoseOfTheConnection() throws {
        let parts = try translate(
            "HTTP/1.1 200 OK\r\nX-Request-ID: 1\r\nConnection: close\r\nKeep-Alive: 5\r\nServer: s\r\n"
                + "Content-Length: 2\r\n\r\nhi")
        let headers = HPACKHeaders([
            (":status", "200"), ("x-request-id", "1"), ("server", "s"), ("content-length", "2"),
        ])
        #expect(parts == [.head(headers, endsStream: false), .data(ByteBuffer(string: "hi"), endsStream: true)])
    }

    @Test func endsTheStreamWithTheHeadWhereThereIsNoBody() throws {
        for (text, method) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", RequestMethod.get), ("HTTP/1.1 304 Not Modified\r\n\r\n", .get),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", .head),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .get),
        ] {
            guard case .head(_, endsStream: true) = try translate(text, method).last else {
                Issue.record("\(text) does not end the stream")
                continue
            }
        }
    }

    @Test(arguments: [1, 2, 7, 1000])
    func readsChunksInAnyPieces(_ step: Int) throws {
        let parts = try translate(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", step: step)
        #expect(parts.first == .head(HPACKHeaders([(":status", "103"), ("link", "</a>")]), endsStream: false))
        #expect(parts.dropFirst().first == .head(HPACKHeaders([(":status", "200")]), endsStream: false))
        var body = ""
        var ends = 0
        for case .data(let data, let endsStream) in parts {
            body += String(buffer: data)
            ends += endsStream ? 1 : 0
        }
        #expect(body == "abc0123456789abcdef")
        #expect(ends == 1)
        guard case .data(_, endsStream: true) = parts.last else {
            Issue.record("\(parts)")
            return
        }
    }

    @Test func detectsAnAnnouncedClose() throws {
        for (line, expected) in [("Connection: close\r\n", true), ("", false)] {
            var translator = HTTP2ResponseTranslator()
            translator.append(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\(line)Content-Length: 0\r\n\r\n"))
            _ = try translator.next(.get)
            #expect(translator.isComplete)
            #expect(translator.announcesClose == expected)
        }
    }

    @Test func refusesWhatAStreamCannotCarry() {
        let long = String(repeating: "a", count: 65_536)
        for text in [
            "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \(long)\r\n\r\n",
        ] {
            #expect(throws: HTTPError.self) { try translate(text) }
        }
    }
}

@Suite struct HTTP2ConnectionStateMachineTests {
    @Test func leavesWhenItIsUnusedForTooLong() {
        var machine = HTTP2ConnectionStateMachine()
        machine.streamOpened(1)
        machine.streamOpened(3)
        #expect(machine.streamClosed() == .none)
        #expect(machine.deadlinePassed() == .none)
        #expect(machine.streamClosed() == .awaitRequest)
        #expect(machine.deadlinePassed() == .leave(lastStream: 3))
        #expect(machine.deadlinePassed() == .closeAfterFlush(lastStream: 3))
        #expect(machine.deadlinePassed() == .close)
        #expect(machine.deadlinePassed() == .none)
    }

    @Test func finishesItsStreamsWhenTheGatewayShutsDown() {
        var machine = HTTP2ConnectionStateMachine()
        machine.streamOpened(5)
        #expect(machine.drain() == .leave(lastStream: 5))
        #expect(machine.drain() == .none)
        #expect(machine.deadlinePassed() == .none)
        #expect(machine.streamClosed() == .awaitClose)
        #expect(machine.deadlinePassed() == .closeAfterFlush(lastStream: 5))
    }

    @Test func refusesAClientWhoseStreamsAreResetTooOften() {
        var machine = HTTP2ConnectionStateMachine()
        machine.streamOpened(7)
        let start = NIODeadline.uptimeNanoseconds(5)
        let window = HTTP2MisuseLimit.window
        for _ in 0..<HTTP2MisuseLimit.maximum { #expect(machine.streamMisused(at: start) == .none) }
        // The count starts again in another window.
        let later = start + window + .nanoseconds(1)
        for _ in 0..<HTTP2MisuseLimit.maximum { #expect(machine.streamMisused(at: later) == .none) }
        #expect(machine.streamMisused(at: later + window) == .refuse(lastStream: 7))
        #expect(!machine.hasFailed)
        let isNews = machine.failed()
        #expect(isNews && machine.hasFailed)
        #expect(machine.streamMisused(at: later) == .none)
        let isNewsAgain = machine.failed()
        #expect(!isNewsAgain)
    }

    @Test func closesSoonWhenTheClientBreaksTheProtocol() {
        var machine = HTTP2ConnectionStateMachine()
        machine.streamOpened(1)
        machine.failed()
        #expect(machine.streamClosed() == .none)
        #expect(machine.drain() == .none)
        #expect(machine.deadlinePassed() == .close)
        machine.failed()
        #expect(machine.deadlinePassed() == .none)
    }
}
