import NIOCore
import Testing

@testable import Gateway

@Suite struct BodyReaderTests {
    private func chunked(_ text: String) -> String { readChunked([Array(text.utf8)]) }

    private func data(_ text: String) -> String { text.utf8.map { "\($0)." }.joined() }

    @Test func readsChunksExtensionsAndTrailers() {
        #expect(chunked("5\r\nhello\r\n0\r\n\r\n") == data("hello") + " end+0")
        #expect(chunked("5;a=b;c=\"d\"\r\nhello\r\n00\r\nA: b\r\nC:d\r\n\r\nGET") == data("hello") + " end+3")
        #expect(chunked("5 \t;a\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n") == data("hello0123456789") + " end+0")
        #expect(chunked("5\r\nhel") == data("hel") + " more")
        #expect(chunked("5\r\nhello\r\n0\r\n") == data("hello") + " more")
    }

    @Test(arguments: [
        "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x5\r\n", " 5\r\n", "5 \r\nhello", "5\n", "5\r5", "5\rhello", ";a\r\n",
        "10000000000000000\r\n", "FFFFFFFFFFFFFFFF\r\n", "0000000000000005\r\n", "5;a\nb\r\n", "5;a\u{0}\r\n",
        "5;\u{7f}\r\n",
        "5;a\rb\r\n", "\u{ff}\r\n",
    ])
    func refusesChunkSizes(_ text: String) {
        #expect(chunked(text).hasSuffix("invalidChunk"))
    }

    @Test func rejectsChunkDataWithoutALineEnd() {
        #expect(chunked("5\r\nhelloX\r\n") == data("hello") + " invalidChunk")
        #expect(chunked("5\r\nhello\n0\r\n\r\n") == data("hello") + " invalidChunk")
        #expect(chunked("5\r\nhello\rX") == data("hello") + " invalidChunk")
    }

    @Test(arguments: [
        "0\r\nA b: c\r\n\r\n", "0\r\n: c\r\n\r\n", "0\r\n a: b\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\nA: \u{0}\r\n\r\n",
        "0\r\n\rX", "0\r\nA\r\n",
    ])
    func refusesTrailers(_ text: String) {
        #expect(chunked(text).hasSuffix("invalidTrailer"))
    }

    @Test func limitsExtensionsAndTrailers() {
        #expect(chunked("1;" + String(repeating: "a", count: 17_000) + "\r\n").hasSuffix("invalidChunk"))
        #expect(chunked(String(repeating: "1;aaaaaaaaaaaaaaa\r\nx\r\n", count: 1200)).hasSuffix("invalidChunk"))
        #expect(chunked("0\r\nA: " + String(repeating: "a", count: 9000)).hasSuffix("invalidTrailer"))
    }

    @Test func countsLengths() throws {
        var reader = BodyReader(.length(3))
        var buffer = ByteBuffer(string: "ab")
        #expect(try reader.next(in: &buffer) == .data(ByteBuffer(string: "ab")))
        #expect(try reader.next(in: &buffer) == .needMore)
        #expect(!reader.isCompleteAtClose)
        buffer = ByteBuffer(string: "cd")
        #expect(try reader.next(in: &buffer) == .data(ByteBuffer(string: "c")))
        #expect(try reader.next(in: &buffer) == .end)
        #expect(reader.isCompleteAtClose)
        #expect(String(buffer: buffer) == "d")
    }
}

@Suite struct ResponseHeadParserTests {
    private func parse(_ text: String) -> Result<ResponseHead?, HTTPError> {
        var parser = ResponseHeadParser()
        return Array(text.utf8).withUnsafeBytes { raw in
            do throws(HTTPError) { return .success(try parser.parse(raw) ? parser.head : nil) } catch {
                return .failure(error)
            }
        }
    }

    @Test func decidesTheFraming() throws {
        func framing(_ text: String, _ method: RequestMethod = .get) throws -> BodyFraming? {
            try parse(text).get()?.framing(for: method)
        }
        #expect(try framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == .length(5))
        #expect(try framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .head) == BodyFraming.none)
        #expect(try framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == .chunked)
        #expect(try framing("HTTP/1.1 200\r\n\r\n") == .untilClose)
        #expect(try framing("HTTP/1.0 200 \r\n\r\n") == .untilClose)
        #expect(try framing("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n") == BodyFraming.none)
        #expect(try framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n") == BodyFraming.none)
        #expect(try framing("HTTP/1.1 100 Continue\r\n\r\n") == BodyFraming.none)
    }

    @Test(arguments: [
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 200 O\u{1}K\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\n\r\n", "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 1\r\n\r\n",
    ])
    func refuses(_ text: String) {
        #expect(throws: HTTPError.self) { try parse(text).get() }
    }
}
