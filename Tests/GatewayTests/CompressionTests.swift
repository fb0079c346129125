import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite struct CodingPreferenceTests {
    private func preference(_ fields: String...) -> CodingPreference {
        let bytes = fields.map { "Accept-Encoding: \($0)\r\n" }.joined().utf8
        return Array(bytes).withUnsafeBytes { CodingPreference($0, headers: ByteRange(0, $0.count)) }
    }

    @Test(arguments: [
        ("gzip", ContentCoding.gzip), ("GZIP", .gzip), ("x-gzip", .gzip), ("deflate", .deflate),
        ("gzip, deflate, br", .gzip), ("deflate, gzip;q=0.9", .deflate), ("gzip;q=0.001", .gzip), ("*", .gzip),
        ("gzip;q=0, *", .deflate), ("gzip;q=0,deflate;q=0.5,*;q=0", .deflate), ("br, *;q=0.1", .gzip),
        ("gzip ; q=1.000 , identity;q=0.5", .gzip), ("gzip, identity", .gzip),
    ])
    func choosesACoding(_ value: String, _ coding: ContentCoding) {
        #expect(preference(value).coding == coding)
    }

    @Test(arguments: [
        "", "br", "identity", "gzip;q=0", "gzip;q=0, deflate;q=0.000", "*;q=0", "identity, gzip;q=0.5", "gzip;q=2",
        "gzip;q=x", "gzip;q=0.1234", "gzip;x=1", "gzip;q=", "gzipped", "deflat", "gzip;q=1.001",
    ])
    func choosesIdentity(_ value: String) {
        #expect(preference(value).coding == nil)
    }

    @Test func knowsWhenIdentityIsRefused() {
        #expect(preference("gzip, identity;q=0").refusesIdentity)
        #expect(preference("gzip, *;q=0").refusesIdentity)
        #expect(!preference("gzip, *;q=0, identity;q=0.1").refusesIdentity)
        #expect(!preference("gzip").refusesIdentity)
        #expect(!preference().refusesIdentity)
    }

    @Test func readsSeveralFieldsAsOne() {
        #expect(preference("br", "deflate;q=0.5", "gzip;q=0.6").coding == .gzip)
    }
}

@Suite struct DeflaterTests {
    @Test(arguments: [ContentCoding.gzip, .deflate], [0, 1, 4096, 1_000_000])
    func roundTripsContent(_ coding: ContentCoding, _ count: Int) throws {
        let deflater = try #require(Deflater(coding, level: 5))
        var random = SeededRandom(seed: 1)
        // Half of it is incompressible, so the output is larger than one buffer.
        let content = (0..<count).map { $0 % 2 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0x61 }
        for _ in 0..<2 {
            var bytes: [UInt8] = []
            for start in stride(from: 0, to: count, by: 70_000) {
                let piece = ByteBuffer(bytes: content[start..<min(start + 70_000, count)])
                bytes += deflater.compress(piece).readableBytesView
            }
            bytes += deflater.compress(ByteBuffer(), flush: .end).readableBytesView
            let result = try #require(Inflater.inflate(bytes))
            #expect(result.isComplete)
            #expect(result.content == content)
            deflater.reset()
        }
    }

    @Test func flushEmitsEverything() throws {
        let deflater = try #require(Deflater(.gzip, level: 5))
        var bytes = Array(deflater.compress(ByteBuffer(string: "one ")).readableBytesView)
        #expect(deflater.holdsInput)
        bytes += deflater.compress(ByteBuffer(), flush: .all).readableBytesView
        #expect(!deflater.holdsInput)
        let result = try #require(Inflater.inflate(bytes))
        #expect(result.content == Array("one ".utf8))
        #expect(!result.isComplete)
    }

    @Test func lendsABoundedNumber() throws {
        var pool = DeflaterPool()
        var lent: [Deflater] = []
        while let deflater = pool.take(.gzip, level: 1) { lent.append(deflater) }
        #expect(lent.count == DeflaterPool.maximum)
        let last = lent.removeLast()
        pool.give(last)
        let next = pool.take(.gzip, level: 1)
        #expect(next === last)
        let none = pool.take(.gzip, level: 1)
        #expect(none == nil)
    }
}

@Suite struct CompressionTests {
    private static let text = String(repeating: "{\"name\":\"something\"},", count: 400)

    private func withRoute(
        _ answer: (@Sendable (TestMessage) -> String)?,
        configure: (inout GatewayConfiguration.Compression) -> Void = { _ in },
        _ body: (GatewayFixture, TestUpstream) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start(answer: answer)
        var compression = GatewayConfiguration.Compression()
        configure(&compression)
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            var route = GatewayConfiguration.RouteRule(.prefix("/c"), upstream: "test")
            route.policies.compression = compression
            configuration.routes.append(route)
        } _: {
            try await body($0, upstream)
        }
        await upstream.stop()
    }

    private func inflated(_ message: TestMessage) throws -> String {
        let result = try #require(Inflater.inflate(message.body))
        #expect(result.isComplete)
        return String(decoding: result.content, as: UTF8.self)
    }

    private static func json(_ headers: String = "", text: String = text) -> String {
        TestUpstream.ok(text, headers: "Content-Type: application/json; charset=utf-8\r\n" + headers)
    }

    @Test func compressesForClientsThatAcceptIt() async throws {
        try await withRoute { _ in
            Self.json("ETag: \"v1\"\r\nAccept-Ranges: bytes\r\nVary: Origin\r\n")
        } _: { gateway, _ in
            for (accepted, coding) in [("gzip, deflate, br", "gzip"), ("deflate", "deflate")] {
                let answer = try await gateway.get("/c", headers: "Accept-Encoding: \(accepted)\r\n")
                #expect(answer["content-encoding"] == coding)
                #expect(answer.all("vary") == ["Origin", "Accept-Encoding"])
                #expect(answer.all("etag") == ["W/\"v1\""])
                #expect(answer["content-length"] == nil)
                #expect(answer["accept-ranges"] == nil)
                #expect(answer.isChunked)
                #expect(answer.body.count < Self.text.utf8.count / 10)
                #expect(try inflated(answer) == Self.text)
            }
            for headers in ["", "Accept-Encoding: gzip;q=0, br\r\n"] {
                let answer = try await gateway.get("/c", headers: headers)
                #expect(answer["content-encoding"] == nil)
                #expect(answer["etag"] == "\"v1\"")
                #expect(answer.all("vary") == ["Origin", "Accept-Encoding"])
                #expect(answer.text == Self.text)
            }
            // A route without compression.
            #expect(try await gateway.get("/api", headers: "Accept-Encoding: gzip\r\n")["content-encoding"] == nil)
        }
    }

    @Test(arguments: [
        "Content-Encoding: br\r\n", "Cache-Control: max-age=1, no-transform\r\n", "Content-Range: bytes 0-1/2\r\n",
        "Content-Digest: sha-256=:x:\r\n",
    ])
    func leavesUntransformableContentAlone(_ headers: String) async throws {
        try await withRoute { _ in
            Self.json(headers + "ETag: \"v1\"\r\n")
        } _: { gateway, _ in
            let answer = try await gateway.get("/c", headers: "Accept-Encoding: gzip\r\n")
            #expect(answer["content-encoding"] != "gzip")
            #expect(answer["etag"] == "\"v1\"")
            #expect(answer["vary"] == nil)
            #expect(answer.text == Self.text)
        }
    }

    @Test func doesNotCompressWhatDoesNotPay() async throws {
        let image = TestUpstream.ok(Self.text, headers: "Content-Type: image/png\r\n")
        let untyped = TestUpstream.ok(Self.text)
        let part =
            "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nContent-Length: \(Self.text.utf8.count)\r\n\r\n"
            + Self.text
        for answer in [image, untyped, part, Self.json(text: "{}")] {
            try await withRoute { _ in
                answer
            } _: { gateway, _ in
                let answer = try await gateway.get("/c", headers: "Accept-Encoding: gzip\r\n")
                #expect(answer["content-encoding"] == nil)
                #expect(answer["content-length"] == String(answer.body.count))
            }
        }
    }

    @Test func compressesSmallContentWhenIdentityIsRefused() async throws {
        try await withRoute { _ in
            Self.json(text: "{\"a\":1}")
        } _: { gateway, _ in
            let answer = try await gateway.get("/c", headers: "Accept-Encoding: gzip, identity;q=0\r\n")
            #expect(answer["content-encoding"] == "gzip")
            #expect(try inflated(answer) == "{\"a\":1}")
        }
    }

    @Test func headAndNotModifiedMatchGet() async throws {
        try await withRoute { request in
            let fields = "Content-Type: application/json\r\nETag: \"v1\"\r\nContent-Length: 9000\r\n\r\n"
            if request["if-none-match"] != nil { return "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n" }
            return "HTTP/1.1 200 OK\r\n" + fields
        } _: { gateway, _ in
            let head = try await gateway.exchange(
                "HEAD /c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", toHead: true)
            #expect(head["content-encoding"] == "gzip")
            #expect(head["content-length"] == nil)
            #expect(head["etag"] == "W/\"v1\"")
            #expect(head["vary"] == "Accept-Encoding")
            let known = try await gateway.get("/c", headers: "Accept-Encoding: gzip\r\nIf-None-Match: W/\"v1\"\r\n")
            #expect(known.status == 304)
            #expect(known["etag"] == "W/\"v1\"")
            #expect(known["content-encoding"] == nil)
        }
    }

    @Test func http10ClientsGetIdentity() async throws {
        try await withRoute { _ in
            Self.json()
        } _: { gateway, _ in
            let answer = try await gateway.exchange("GET /c HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
            #expect(answer["content-encoding"] == nil)
            #expect(answer["content-length"] == String(Self.text.utf8.count))
            #expect(answer.text == Self.text)
        }
    }

    @Test func connectionStaysOpenAfterACompressedResponse() async throws {
        try await withRoute { _ in
            Self.json()
        } _: { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(
                String(repeating: "GET /c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", count: 3))
            for _ in 0..<3 {
                let answer = try await client.response()
                #expect(try inflated(answer) == Self.text)
            }
            #expect(upstream.acceptedCount == 1)
            await client.close()
        }
    }

    @Test func streamsAreFlushedPieceByPiece() async throws {
        try await withRoute(nil) { gateway, upstream in
            let (client, server) = try await gateway.begin(
                "GET /c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", at: upstream)
            try await server.send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
            let head = try await client.receive(until: "\r\n\r\n")
            #expect(head.contains("Content-Encoding: gzip\r\n"))
            var received: [UInt8] = []
            for line in ["{\"n\":1}\n", "{\"n\":2}\n"] {
                try await server.send("8\r\n\(line)\r\n")
                // The piece is readable before any other arrives.
                while true {
                    let size = try await client.receive(until: "\r\n")
                    let count = try #require(Int(size.prefix { $0.isHexDigit }, radix: 16))
                    received += try await client.receive(count: count)
                    _ = try await client.receive(count: 2)
                    let content = try #require(Inflater.inflate(received)).content
                    if String(decoding: content, as: UTF8.self).hasSuffix(line) { break }
                }
            }
            await client.close()
        }
    }

    @Test func doesNotCompressEventStreams() async throws {
        try await withRoute(nil, configure: { $0.types = ["text/*", "text/event-stream"] }) { gateway, upstream in
            let (client, server) = try await gateway.begin(
                "GET /c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", at: upstream)
            try await server.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            let head = try await client.receive(until: "\r\n\r\n")
            #expect(!head.contains("Content-Encoding"))
            try await server.send("9\r\ndata: 1\n\n\r\n")
            #expect(try await client.receive(until: "data: 1\n\n").hasPrefix("9\r\n"))
            await client.close()
        }
    }

    @Test func truncatedResponseIsNotTerminated() async throws {
        try await withRoute(nil) { gateway, upstream in
            let (client, server) = try await gateway.begin(
                "GET /c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", at: upstream)
            try await server.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n" + Self.text)
            _ = try await client.receive(until: "\r\n\r\n")
            await server.close()
            let rest = try await client.untilClosed()
            #expect(!rest.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func compressesTheGatewaysOwnResponses() async throws {
        try await withGateway(configure: { configuration in
            var route = GatewayConfiguration.RouteRule(.exact("/r"), action: .respond(.init(body: Self.text)))
            route.policies.compression = .init()
            configuration.routes = [route]
            configuration.localRoutes = ["/openapi.json": { _ in .json(Array(Self.text.utf8)) }]
        }) { gateway in
            for path in ["/r", "/openapi.json"] {
                let answer = try await gateway.get(path, headers: "Accept-Encoding: gzip\r\n")
                #expect(answer["content-encoding"] == "gzip")
                #expect(answer["content-length"] == String(answer.body.count))
                #expect(try inflated(answer) == Self.text)
                // HEAD does not compress the content to find its length.
                let head = try await gateway.exchange(
                    "HEAD \(path) HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", toHead: true)
                #expect(head["content-encoding"] == "gzip")
                #expect(head["content-length"] == nil)
                let plain = try await gateway.exchange("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
                #expect(plain["content-length"] == String(Self.text.utf8.count))
            }
        }
    }

    @Test func doesNotCompressWhatWouldBlockTheEventLoop() async throws {
        try await withGateway(configure: { configuration in
            for (path, count) in [
                ("/short", GatewayResponse.longestCompressed), ("/long", GatewayResponse.longestCompressed + 1),
            ] {
                var route = GatewayConfiguration.RouteRule(
                    .exact(path), action: .respond(.init(body: String(repeating: "x", count: count))))
                route.policies.compression = .init()
                configuration.routes.append(route)
            }
        }) { gateway in
            let short = try await gateway.get("/short", headers: "Accept-Encoding: gzip\r\n")
            #expect(short["content-encoding"] == "gzip")
            let long = try await gateway.get("/long", headers: "Accept-Encoding: gzip\r\n")
            #expect(long["content-encoding"] == nil)
            #expect(long.body.count == GatewayResponse.longestCompressed + 1)
        }
    }

    /// A compressed copy is made when the folder is read, never by a request.
    @Test func doesNotCompressFilesPerRequest() async throws {
        var random = SeededRandom(seed: 1)
        // Compression gains little, so there is no copy.
        let dense = (0..<200_000).map { $0 % 16 == 0 ? 0x61 : UInt8(truncatingIfNeeded: random.next()) }
        let folder = try TemporarySite(["page.txt": String(repeating: Self.text, count: 20)])
        try folder.write("dense.txt", dense)
        try await withGateway(configure: { configuration in
            var route = GatewayConfiguration.RouteRule(.prefix("/f"), action: .files(.init(root: folder.root)))
            route.policies.compression = .init()
            configuration.routes = [route]
        }) { gateway in
            let page = try await gateway.get("/f/page.txt", headers: "Accept-Encoding: gzip\r\n")
            #expect(page.all("content-encoding") == ["gzip"])
            #expect(page.all("vary") == ["Accept-Encoding"])
            #expect(try inflated(page) == String(repeating: Self.text, count: 20))
            for (path, coding) in [("page.txt", "deflate"), ("dense.txt", "gzip"), ("dense.txt", "deflate")] {
                let request = "/f/\(path) HTTP/1.1\r\nHost: a\r\nAccept-Encoding: \(coding)\r\n\r\n"
                let answer = try await gateway.exchange("GET " + request)
                let head = try await gateway.exchange("HEAD " + request, toHead: true)
                for message in [answer, head] {
                    #expect(message["content-encoding"] == nil)
                    #expect(message["content-length"] == String(answer.body.count))
                    #expect(message["accept-ranges"] == "bytes")
                }
                #expect(path == "page.txt" || answer.body == dense)
            }
        }
    }

    @Test func compressesProblems() async throws {
        try await withGateway(configure: { configuration in
            configuration.upstreams = [.init(name: "none", endpoints: [.tcp(host: "127.0.0.1", port: 1)])]
            var route = GatewayConfiguration.RouteRule(.exact("/r"), upstream: "none")
            var compression = GatewayConfiguration.Compression()
            compression.minimum = 16
            route.policies.compression = compression
            configuration.routes = [route]
        }) { gateway in
            let answer = try await gateway.get("/r", headers: "Accept-Encoding: gzip\r\n")
            #expect(answer.status == 502)
            #expect(answer["content-type"] == "application/problem+json")
            #expect(answer["content-encoding"] == "gzip")
            #expect(try inflated(answer).contains("\"bad_gateway\""))
        }
    }

    @Test func compressesSiteFilesOnce() async throws {
        let folder = try TemporarySite(["index.html": Self.text, "small.css": "a{}", "photo.png": Self.text])
        try await withGateway(configure: { $0.site = StaticSite(root: folder.root) }) { gateway in
            let page = try await gateway.get("/", headers: "Accept-Encoding: gzip\r\n")
            #expect(page["content-encoding"] == "gzip")
            #expect(page["vary"] == "Accept-Encoding")
            #expect(try inflated(page) == Self.text)
            let tag = try #require(page["etag"])
            #expect(tag.hasPrefix("W/\""))
            let known = try await gateway.get("/", headers: "Accept-Encoding: gzip\r\nIf-None-Match: \(tag)\r\n")
            #expect(known.status == 304)
            #expect(known["etag"] == tag)
            let plain = try await gateway.get("/")
            #expect(plain.text == Self.text)
            #expect(plain["vary"] == "Accept-Encoding")
            for path in ["/small.css", "/photo.png"] {
                let answer = try await gateway.get(path, headers: "Accept-Encoding: gzip\r\n")
                #expect(answer["content-encoding"] == nil)
                #expect(answer["vary"] == nil)
            }
        }
    }
}
