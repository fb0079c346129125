import MartletCore
import MartletSystem
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// A site in a temporary folder.
final class TemporarySite {
    let root: String

    init(_ files: [String: String]) throws {
        root = "/tmp/" + uniqueName("martlet-site-test-")
        mkdir(root, 0o700)
        for folder in ["assets", "docs", "vendor"] { mkdir("\(root)/\(folder)", 0o700) }
        for (name, text) in files { try write(name, Array(text.utf8)) }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = try #require(fopen("\(root)/\(name)", "w"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    deinit {
        for folder in ["assets", "docs", "vendor", ""] {
            guard let stream = opendir("\(root)/\(folder)") else { continue }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(root)/\(folder)/\(name)")
            }
            closedir(stream)
            rmdir("\(root)/\(folder)")
        }
    }
}

@Suite struct StaticSiteTests {
    private func site() throws -> TemporarySite {
        try TemporarySite([
            "index.html": "<h1>Console</h1>", "assets/app.1f.js": "let a = 1", "vendor/vue.js": "vue",
            "docs/index.html": "<h1>API</h1>",
            "favicon.ico": "icon", ".secret": "hidden", "with space.txt": "spaced",
        ])
    }

    @Test func servesFilesWithTypeCachingAndSecurityFields() async throws {
        let folder = try site()
        try await withGateway(configure: { $0.site = StaticSite(root: folder.root) }) { gateway in
            let index = try await gateway.get("/")
            #expect(index.text == "<h1>Console</h1>")
            #expect(index["content-type"] == "text/html; charset=utf-8")
            #expect(index["cache-control"] == "no-cache")
            #expect(index["content-security-policy"]?.contains("script-src 'self';") == true)
            #expect(index["x-content-type-options"] == "nosniff")
            #expect(index["referrer-policy"] == "same-origin")
            #expect(index["cross-origin-opener-policy"] == "same-origin")
            let asset = try await gateway.get("/assets/app.1f.js")
            #expect(asset["content-type"] == "text/javascript; charset=utf-8")
            #expect(asset["cache-control"] == "public, max-age=31536000, immutable")
            for path in ["/docs", "/docs/", "/docs/index.html"] {
                let docs = try await gateway.get(path)
                #expect(docs.text == "<h1>API</h1>")
            }
            let spaced = try await gateway.get("/with%20space.txt")
            #expect(spaced.text == "spaced")
            let head = try await gateway.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(head["content-length"] == "16")
            let post = try await gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(post.status == 405)
            #expect(post["allow"] == "GET, HEAD")
        }
    }

    @Test func answersConditionalRequests() async throws {
        let folder = try site()
        try await withGateway(configure: { $0.site = StaticSite(root: folder.root) }) { gateway in
            let tag = try #require(try await gateway.get("/")["etag"])
            for tags in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let response = try await gateway.get("/", headers: "If-None-Match: \(tags)\r\n")
                #expect(response.status == 304)
                #expect(response["etag"] == tag)
                #expect(response.body.isEmpty)
            }
            let other = try await gateway.get("/", headers: "If-None-Match: \"x\"\r\n")
            #expect(other.status == 200)
        }
    }

    @Test func fallsBackToTheApplicationForPagesOnly() async throws {
        let folder = try site()
        try await withGateway(configure: { $0.site = StaticSite(root: folder.root) }) { gateway in
            let page = try await gateway.get(
                "/products/1", headers: "Accept: text/html,application/xhtml+xml;q=0.9\r\n")
            #expect(page.text == "<h1>Console</h1>")
            #expect(page["cache-control"] == "no-cache")
            for (path, accept) in [
                ("/missing.js", "*/*"), ("/products/1", "application/json"), ("/api/missing", "text/html"),
                ("/.secret", "*/*"),
                ("/api", "*/*"), ("/assets/../.secret", "*/*"), ("/assets/%2e%2e/.secret", "*/*"),
                ("/%2fetc/passwd", "*/*"),
            ] {
                let response = try await gateway.get(path, headers: "Accept: \(accept)\r\n")
                #expect([400, 404].contains(response.status), "\(path)")
                #expect(response["content-type"] == "application/problem+json")
            }
        }
    }

    @Test func doesNotServeLinksOutOfTheFolder() throws {
        let folder = try site()
        symlink("/etc/passwd", "\(folder.root)/passwd.txt")
        symlink("\(folder.root)/favicon.ico", "\(folder.root)/inside.ico")
        let files = try #require(StaticFolder.read(folder.root, .console))
        #expect(files["/passwd.txt"] == nil)
        #expect(files["/.secret"] == nil)
        #expect(files["/inside.ico"] != nil)
    }

    @Test func streamsLargeFiles() async throws {
        let folder = try site()
        let size = StaticFolder.memoryLimit + 12_345
        try folder.write("assets/large.bin", [UInt8](repeating: 0x61, count: size - 1) + [0x7A])
        try await withGateway(configure: { $0.site = StaticSite(root: folder.root) }) { gateway in
            let client = try await gateway.connect()
            for _ in 0..<2 {
                try await client.send("GET /assets/large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await client.response()
                #expect(response.body.count == size)
                #expect(response.body.last == 0x7A)
            }
            await client.close()
        }
    }

    @Test func missingFolderIs404() async throws {
        try await withGateway(configure: { $0.site = StaticSite(root: "/nonexistent") }) { gateway in
            let response = try await gateway.get("/")
            #expect(response.status == 404)
            #expect(response.text.contains("The console is not installed."))
        }
    }
}

@Suite struct LocalRouteTests {
    @Test func answersFromAClosure() async throws {
        let route: LocalHandler = { request in
            .text(
                "\(request.method) \(request.path) \(request.query ?? "-") \(request.header("X-A") ?? "-") \(request.peerAddress) \(request.isTrustedLoopback)"
            )
        }
        try await withGateway(configure: { $0.localRoutes = ["/health/live": route] }) { gateway in
            let response = try await gateway.get("/health/live?a=b", headers: "x-a: c\r\n")
            #expect(response.text == "GET /health/live a=b c 127.0.0.1 true")
            #expect(response["content-type"] == "text/plain; charset=utf-8")
            #expect(response["x-request-id"]?.count == 32)
            let proxied = try await gateway.get("/health/live", headers: "X-Forwarded-For: 1.2.3.4\r\n")
            #expect(proxied.text.hasSuffix("false"))
            let post = try await gateway.exchange("POST /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
            #expect(post.status == 405)
            #expect(post["allow"] == "GET, HEAD")
            let head = try await gateway.exchange("HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(head.status == 200)
        }
    }

    @Test func problemsCarryPathAndRequestID() async throws {
        try await withGateway(configure: {
            $0.localRoutes = ["/metrics": { _ in .problem(.forbidden("Not from here.")) }]
        }) { gateway in
            let response = try await gateway.get("/metrics", headers: "X-Request-ID: abc\r\n")
            #expect(response.status == 403)
            #expect(response.text.contains("\"instance\":\"/metrics\",\"request_id\":\"abc\""))
        }
    }

    @Test func hangingClosureIs504AndItsLateResponseIsDropped() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Never.self)
        let routes: [String: LocalHandler] = [
            "/slow": { _ in
                for await _ in gate {}
                return .text("late")
            },
            "/fast": { _ in .text("fast") },
        ]
        try await withGateway(
            configure: {
                $0.localRoutes = routes
                $0.timeouts.firstByte = .milliseconds(1500)
            }
        ) { gateway in
            let client = try await gateway.connect()
            try await client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            let slow = try await client.response()
            #expect(slow.status == 504)
            open.finish()
            try await client.send("GET /fast HTTP/1.1\r\nHost: a\r\n\r\n")
            let fast = try await client.response()
            #expect(fast.text == "fast")
            await client.close()
        }
    }
}
