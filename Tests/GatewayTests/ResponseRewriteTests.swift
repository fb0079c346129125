import NIOCore
import Testing

@testable import Gateway

/// Rewrites the paths in a service's responses to those that clients see.
@Suite struct ResponseRewriteTests {
    private let hosts = ResponseRewrite.Hosts(
        client: Array("shop.example.org".utf8), own: [Array("10.0.0.1:8001".utf8), Array("shop.internal".utf8)])

    private func rewrite(_ strip: String?, _ add: String? = nil) throws -> ResponseRewrite {
        try #require(try ResponseRewrite(.init(stripPrefix: strip, addPrefix: add, mapsAnswers: true)))
    }

    private func reference(_ text: String, _ rewrite: ResponseRewrite) -> String? {
        Array(text.utf8).withUnsafeBytes { rewrite.reference($0, hosts) }.map { String(decoding: $0, as: UTF8.self) }
    }

    private func cookie(_ text: String, _ rewrite: ResponseRewrite) -> String? {
        Array(text.utf8).withUnsafeBytes { rewrite.cookie($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func mapsReferencesBack() throws {
        let rewrite = try rewrite("/v2")
        for (said, seen) in [
            ("/products/", "/v2/products/"), ("/", "/v2/"), ("/a?next=/b#c", "/v2/a?next=/b#c"), ("/v2x", "/v2/v2x"),
            ("http://shop.example.org/a", "http://shop.example.org/v2/a"),
            ("HTTPS://SHOP.example.org/a?b", "HTTPS://SHOP.example.org/v2/a?b"),
            ("https://shop.example.org", "https://shop.example.org/v2"),
            ("http://10.0.0.1:8001/a?b", "/v2/a?b"), ("//shop.internal/a", "/v2/a"),
            ("http://shop.internal?x", "/v2?x"), ("http://10.0.0.1:8001//a.example", "/v2//a.example"),
        ] {
            #expect(reference(said, rewrite) == seen, "\(said)")
        }
        // Another host, relative, or already right.
        for said in [
            "https://other.example/a", "//other.example/a", "a/b", "", "?x", "#y", "/v2", "/v2/a", "mailto:a@b",
        ] {
            #expect(reference(said, rewrite) == nil, "\(said)")
        }
    }

    @Test func removesAnAddedPrefix() throws {
        let both = try rewrite("/shop", "/internal/v1")
        #expect(reference("/internal/v1/a", both) == "/shop/a")
        #expect(reference("/internal/v1", both) == "/shop")
        #expect(reference("/internal/v1x", both) == nil)
        #expect(reference("/other", both) == nil)
        let added = try rewrite(nil, "/internal")
        #expect(reference("/internal/a", added) == "/a")
        #expect(reference("/internal", added) == "/")
        // Without the prefix it would begin with two slashes, which names a host, so it stays as it is.
        #expect(reference("/internal//evil.example", added) == nil)
        #expect(
            reference("http://10.0.0.1:8001/internal//evil.example", added) == "/internal//evil.example")
    }

    @Test func mapsCookiePathsBack() throws {
        let rewrite = try rewrite("/v2")
        #expect(cookie("a=b; Path=/; HttpOnly", rewrite) == "a=b; Path=/v2; HttpOnly")
        #expect(cookie("a=b;path=/x;SameSite=Lax", rewrite) == "a=b;path=/v2/x;SameSite=Lax")
        #expect(cookie("a=\"x; y\"; PATH=/x/", rewrite) == "a=\"x; y\"; PATH=/v2/x")
        for said in ["a=b", "Path=/x", "a=b; Path=", "a=b; Path=/v2/x", "a=b; Pathology=/x", "", ";;;"] {
            #expect(cookie(said, rewrite) == nil, "\(said)")
        }
    }

    @Test func isOptInAndKeepsPolicies() async throws {
        try await withProxy(answer: { _ in
            "HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n"
        }) { configuration in
            configuration.routes = ["/plain", "/mapped", "/bare"].map { path in
                var route = GatewayConfiguration.RouteRule(.prefix(path), upstream: "test")
                route.rewrite = .init(stripPrefix: path, mapsAnswers: path != "/plain")
                if path == "/bare" { route.policies.responseHeaders.remove = ["Set-Cookie"] }
                return route
            }
        } _: { gateway, upstream in
            let plain = try await gateway.get("/plain/x")
            #expect(plain.all("location") == ["/next"] && plain.all("set-cookie") == ["a=b; Path=/", "c=d"])
            let mapped = try await gateway.get("/mapped/x")
            #expect(mapped.all("location") == ["/mapped/next"])
            #expect(mapped.all("set-cookie") == ["a=b; Path=/mapped", "c=d"])
            let bare = try await gateway.get("/bare/x")
            #expect(bare.all("location") == ["/bare/next"] && bare.all("set-cookie") == [])
        }
    }
}
