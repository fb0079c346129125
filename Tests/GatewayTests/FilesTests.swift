import MartletSystem
import NIOCore
import Testing

@testable import Gateway

@Suite struct ByteRangeRequestTests {
    @Test(arguments: [
        (nil, ByteRangeRequest.whole), ("bytes=0-4", .part(0..<5)), ("bytes=5-", .part(5..<10)),
        ("bytes=-3", .part(7..<10)), ("BYTES=9-9", .part(9..<10)), ("bytes=3-99999999999999999999999", .part(3..<10)),
        ("bytes=-99999999999999999999999", .part(0..<10)), ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable),
        ("bytes=99999999999999999999999-", .unsatisfiable), ("bytes=9223372036854775807-", .unsatisfiable),
        ("bytes=3-9223372036854775807", .part(3..<10)), ("bytes=-9223372036854775807", .part(0..<10)),
        ("bytes=9223372036854775807-9223372036854775807", .unsatisfiable), ("bytes=4-3", .whole), ("bytes=a-b", .whole),
        ("bytes=0-1,3-4", .whole), ("lines=0-1", .whole), ("bytes=", .whole), ("bytes=-", .whole),
        ("bytes=--1", .whole),
        ("bytes=+1-2", .whole), ("bytes= 0-1", .whole),
    ])
    func readsOneRange(_ value: String?, _ expected: ByteRangeRequest) {
        #expect(ByteRangeRequest(value, size: 10) == expected)
    }

    @Test func emptyFileHasNoRanges() {
        #expect(ByteRangeRequest("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRangeRequest("bytes=-1", size: 0) == .unsatisfiable)
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
    func readsTheThreeForms(_ text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test(arguments: [
        "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 8:49 GMT",
        "Sun, 06 Nov 99999 08:49:37 GMT",
    ])
    func rejectsInvalidForms(_ text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }

    @Test func roundTrips() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}

@Suite struct FilesTests {
    private func folder() throws -> TemporarySite {
        let folder = try TemporarySite([
            "index.html": "<h1>home</h1>", "docs/index.html": "<h1>docs</h1>", "assets/app.js": "0123456789",
            ".env": "secret",
        ])
        symlink("/etc/passwd", "\(folder.root)/passwd.txt")
        return folder
    }

    private func withFiles(
        _ change: (inout GatewayConfiguration.Files) -> Void = { _ in },
        route: (inout GatewayConfiguration.RouteRule) -> Void = { _ in },
        _ body: (GatewayFixture, TemporarySite) async throws -> Void
    ) async throws {
        let folder = try folder()
        var files = GatewayConfiguration.Files(root: folder.root)
        change(&files)
        var configured = GatewayConfiguration.RouteRule(.prefix("/web"), action: .files(files))
        route(&configured)
        try await withGateway(configure: { $0.routes = [configured] }) { try await body($0, folder) }
    }

    @Test func servesFiles() async throws {
        try await withFiles {
            $0.cacheControl = "max-age=7"
        } _: { gateway, _ in
            let page = try await gateway.get("/web/")
            #expect(page.text == "<h1>home</h1>")
            #expect(page["content-type"] == "text/html; charset=utf-8")
            #expect(page["cache-control"] == "no-cache")
            #expect(page["x-content-type-options"] == "nosniff")
            // The console's policy does not apply to other sites.
            #expect(page["content-security-policy"] == nil)
            let script = try await gateway.get("/web/assets/app.js")
            #expect(script["cache-control"] == "max-age=7")
            #expect(script["accept-ranges"] == "bytes")
            for path in ["/web", "/web/docs"] {
                let folder = try await gateway.get(path + "?a=b")
                #expect(folder.status == 308)
                #expect(folder["location"] == path + "/?a=b")
            }
            let post = try await gateway.exchange("POST /web/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(post.status == 405)
            let head = try await gateway.exchange("HEAD /web/assets/app.js HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(head["content-length"] == "10")
        }
    }

    @Test func cannotReachOtherFiles() async throws {
        try await withFiles { gateway, _ in
            for path in [
                "/web/.env", "/web/passwd.txt", "/web/../etc/passwd", "/web/%2e%2e/etc/passwd",
                "/web/..%2f..%2fetc/passwd",
                "/web//etc/passwd", "/web/%2fetc%2fpasswd", "/web/assets/", "/web/assets/app.js/", "/web/x%00",
                "/web/assets\\..\\.env", "/website", "/web/missing", "/web/%ff",
            ] {
                let answer = try await gateway.get(path)
                #expect([400, 404].contains(answer.status), "\(path): \(answer.status)")
                #expect(answer["content-type"] == "application/problem+json")
            }
        }
    }

    @Test func pagesFallBackToTheApplication() async throws {
        try await withFiles {
            $0.fallback = "index.html"
        } _: { gateway, _ in
            let page = try await gateway.get("/web/a/b", headers: "Accept: text/html\r\n")
            #expect(page.text == "<h1>home</h1>")
            let script = try await gateway.get("/web/a.js", headers: "Accept: */*\r\n")
            #expect(script.status == 404)
            let data = try await gateway.get("/web/a", headers: "Accept: application/json\r\n")
            #expect(data.status == 404)
        }
    }

    @Test func answersRangesAndConditions() async throws {
        try await withFiles { gateway, _ in
            let path = "/web/assets/app.js"
            let whole = try await gateway.get(path)
            let tag = try #require(whole["etag"])
            let date = try #require(whole["last-modified"])
            let part = try await gateway.get(path, headers: "Range: bytes=2-4\r\n")
            #expect(part.status == 206)
            #expect(part.text == "234")
            #expect(part["content-range"] == "bytes 2-4/10")
            #expect(part["content-length"] == "3")
            #expect(part["etag"] == tag)
            let outside = try await gateway.get(path, headers: "Range: bytes=10-\r\n")
            #expect(outside.status == 416)
            #expect(outside["content-range"] == "bytes */10")
            for (headers, status) in [
                ("Range: bytes=0-1\r\nIf-Range: \(tag)\r\n", 206), ("Range: bytes=0-1\r\nIf-Range: W/\(tag)\r\n", 200),
                ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200), ("Range: bytes=0-1\r\nIf-Range: \(date)\r\n", 206),
                ("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200),
                ("If-None-Match: \(tag)\r\n", 304), ("If-Modified-Since: \(date)\r\n", 304),
                ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200),
                ("If-None-Match: \"x\"\r\nIf-Modified-Since: \(date)\r\n", 200),
                ("If-Match: \(tag)\r\n", 200), ("If-Match: *\r\n", 200), ("If-Match: \"x\"\r\n", 412),
                ("If-Match: W/\(tag)\r\n", 412), ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412),
                ("If-Unmodified-Since: \(date)\r\n", 200), ("Range: bytes=0-1\r\nIf-None-Match: \(tag)\r\n", 304),
            ] {
                #expect(try await gateway.get(path, headers: headers).status == status, "\(headers)")
            }
        }
    }

    @Test func routePoliciesApplyFirst() async throws {
        try await withFiles(
            route: {
                $0.policies.rateLimits = [.init(by: .route, requests: 1, per: .hours(1))]
                $0.policies.securityHeaders = .init()
            }
        ) { gateway, _ in
            let first = try await gateway.get("/web/")
            #expect(first["x-frame-options"] == "DENY")
            let second = try await gateway.get("/web/")
            #expect(second.status == 429)
        }
    }

    @Test func servesRangesOfLargeFilesFromDisk() async throws {
        let folder = try folder()
        let size = StaticFolder.memoryLimit + 1000
        let content = (0...size / 251).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 251) }
        try folder.write("assets/large.bin", Array(content.prefix(size)))
        let route = GatewayConfiguration.RouteRule(.prefix("/web"), action: .files(.init(root: folder.root)))
        try await withGateway(configure: { $0.routes = [route] }) { gateway in
            let start = 5_000_000
            let range = "Range: bytes=\(start)-\(start + 199_999)\r\n"
            let part = try await gateway.get("/web/assets/large.bin", headers: range)
            #expect(part.status == 206)
            #expect(part.body == (start..<start + 200_000).map { UInt8(truncatingIfNeeded: $0 / 251) })
            // Changed content is not sent under the old tag.
            try folder.write("assets/large.bin", [UInt8](repeating: 0, count: size + 1))
            let client = try await gateway.connect()
            try await client.send("GET /web/assets/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            let received = try await client.untilClosed()
            #expect(received.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func reloadReadsFilesAgain() async throws {
        try await withFiles { gateway, folder in
            try folder.write("new.txt", Array("new".utf8))
            #expect(try await gateway.get("/web/new.txt").status == 404)
            var configuration = GatewayConfiguration(port: 0)
            configuration.routes = [.init(.prefix("/web"), action: .files(.init(root: folder.root)))]
            try await gateway.gateway.reload(configuration)
            #expect(try await gateway.get("/web/new.txt").text == "new")
            #expect(try await gateway.get("/web/assets/app.js").text == "0123456789")
            // Different content of the same length.
            try folder.write("assets/app.js", Array("9876543210".utf8))
            try await gateway.gateway.reload(configuration)
            #expect(try await gateway.get("/web/assets/app.js").text == "9876543210")
        }
    }
}
