import MartletCore
import NIOCore
import Testing

@testable import Gateway

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The messages for common mistakes.
@Suite struct GatewayFileMessageTests {
    private func complaints(_ text: String, folder: String? = nil) -> [String] {
        var configuration = GatewayConfiguration()
        do throws(GatewayFileError) {
            try GatewayFile.read(text, name: "f", folder: folder, into: &configuration)
            return []
        } catch {
            return error.lines
        }
    }

    private static let upstream = "upstreams: {shop: {endpoints: [\"http://127.0.0.1:1\"]}}\nroutes:\n  - "

    /// A mistake in a route, and its only message.
    @Test(arguments: [
        // Paths in the style of other programs.
        (
            "{path: \"/users/:id\", upstream: shop}",
            "path: '/users/:id': write parameters in braces: path: /users/{id}"
        ),
        (
            "{path: \"/users/<int:id>/x\", upstream: shop}",
            "path: '/users/<int:id>/x': write parameters in braces: path: /users/{id}/x"
        ),
        (
            "{path: /x/*, upstream: shop}",
            "path: '/x/*' has a wildcard; write prefix: /x for all below it, or {name} for one segment"
        ),
        (
            "{path: /*, upstream: shop}",
            "path: '/*' has a wildcard; write prefix: / for all below it, or {name} for one segment"
        ),
        (
            "{prefix: /x/**, upstream: shop}",
            "prefix: '/x/**' has a wildcard; write prefix: /x for all below it, or {name} for one segment"
        ),
        (
            "{prefix: \"/users/{id}\", upstream: shop}",
            "prefix: '/users/{id}': a prefix has no parameters; end it before the first, or use path"
        ),
        ("{prefix: shop, upstream: shop}", "prefix: 'shop' must begin with /"),
        ("{prefix: \"^/x\", upstream: shop}", "prefix: '^/x' is a pattern, but paths are literal"),
        (
            "{prefix: \"https://a/x\", upstream: shop}",
            "prefix: 'https://a/x' is a URL; write the path alone, and the host under hosts"
        ),
        ("{path: \"/x?a=1\", upstream: shop}", "path: '/x?a=1' has a query; routes match by path only"),
        // A single value instead of a mapping or list.
        ("{prefix: /x, upstream: shop, retry: 3}", "retry: must be a mapping such as {attempts: 3}"),
        ("{prefix: /x, upstream: shop, retry: true}", "retry: must be a mapping such as {attempts: 2}"),
        (
            "{prefix: /x, upstream: shop, cache: 5m}",
            "cache: must be true, false or a mapping such as {default_age: 5m}"
        ),
        (
            "{prefix: /x, upstream: shop, cache: \"yes\"}",
            "cache: must be true, false or a mapping such as {maximum_age: 5m}"
        ),
        (
            "{prefix: /x, upstream: shop, compression: gzip}",
            "compression: must be true, false or a mapping such as {minimum: 2KiB}"
        ),
        ("{prefix: /x, upstream: shop, timeouts: 5s}", "timeouts: must be a mapping such as {total: 5s}"),
        ("{prefix: /x, upstream: shop, concurrency: 10}", "concurrency: must be a mapping such as {limit: 20}"),
        ("{prefix: /x, upstream: shop, methods: GET}", "methods: must be a list such as [GET]"),
        ("{prefix: /x, upstream: shop, methods: [get]}", "methods: must be upper-case methods, such as GET"),
        (
            "{prefix: /x, upstream: shop, rate_limit: {requests: 1, per: 1s}}",
            "rate_limit: must be a list such as [{by: client, requests: 100, per: 1m}]"
        ),
        (
            "{prefix: /x, upstream: shop, cors: \"*\"}",
            "cors: must be a mapping such as {origins: [\"https://app.example.org\"]}"
        ),
        (
            "{prefix: /x, redirect: \"https://a\"}",
            "redirect: must be a mapping such as {to: \"https://example.org{path}{query}\"}"
        ),
        ("{prefix: /x, files: /srv}", "files: must be a mapping such as {root: /srv/app}"),
        // Numbers without a unit.
        (
            "{prefix: /x, upstream: shop, timeouts: {total: 5}}",
            "timeouts.total: needs a unit: ms, s, m, h or d, as in 5s"
        ),
        (
            "{prefix: /x, upstream: shop, body_limit: 10MB}",
            "body_limit: must be a size in bytes, KiB, MiB or GiB, such as 1024, 64KiB or 10MiB"
        ),
        ("{prefix: /x, upstream: shop, concurrency: {limit: 1, wait: 2m}}", "concurrency.wait: must be from 1ms to 1m"),
        // Misspelled names.
        ("{prefix: /x, upstream: shp}", "upstream: there is no upstream 'shp'; did you mean shop?"),
        (
            "{prefix: /x, upstream: \"http://h:1\"}",
            "upstream: there is no upstream 'http://h:1'; write the name of an upstream with this endpoint"
        ),
        (
            "{prefix: /x, upstream: shop, rate_limits: []}",
            "rate_limits: unknown key; did you mean rate_limit?"
        ),
        (
            "{prefix: /x, upstream: shop, rate_limit: [{by: clients, requests: 1, per: 1s}]}",
            "rate_limit[0].by: must be one of client, user, route; did you mean client?"
        ),
        // Hosts and origins.
        (
            "{prefix: /x, upstream: shop, hosts: [\"https://a.example\"]}",
            "hosts[0]: 'https://a.example' must be only a host name, such as api.example.org or *.example.org"
        ),
        (
            "{prefix: /x, upstream: shop, hosts: [\"a.example:80\"]}",
            "hosts[0]: 'a.example:80' must be only a host name, such as api.example.org or *.example.org"
        ),
        ("{prefix: /x, upstream: shop, hosts: [\"*\"]}", "hosts[0]: omit hosts to match any host"),
        (
            "{prefix: /x, upstream: shop, cors: {origins: [app.example.org]}}",
            "cors.origins[0]: 'app.example.org' is not an origin; write scheme and host, such as https://app.example.org"
        ),
        (
            "{prefix: /x, upstream: shop, cors: {origins: [\"https://a.example/\"]}}",
            "cors.origins[0]: 'https://a.example/' is not an origin; write only scheme, host and port, such as https://app.example.org"
        ),
        (
            "{prefix: /x, upstream: shop, cors: {origins: [\"https://A.example\"]}}",
            "cors.origins[0]: 'https://A.example' must be in lower case, as browsers send it"
        ),
        (
            "{prefix: /x, upstream: shop, cors: {origins: [\"https://a.example:443\"]}}",
            "cors.origins[0]: 'https://a.example:443' must omit the default port, as browsers do"
        ),
        // Keys that require another key.
        ("{prefix: /x, respond: {}, encoded_slashes: keep}", "encoded_slashes: needs upstream or split"),
        (
            "{prefix: /x, upstream: shop, upgrade: [websocket], authentication: {jwt: {jwks: \"http://h\"}, websocket: {cookie: t}}}",
            "authentication.websocket: needs origins for cookie: the pages that may use it, such as [\"https://app.example.org\"]"
        ),
        (
            "{prefix: /x, upstream: shop, authentication: {jwt: {jwks: \"http://h\"}, websocket: {protocol: bearer}}}",
            "authentication.websocket: needs upgrade: [websocket] on the route"
        ),
    ])
    func reportsTheValidForm(_ route: String, _ complaint: String) {
        #expect(complaints(Self.upstream + route) == ["f:3: routes[0].\(complaint)"])
    }

    @Test(arguments: [
        (
            "upstreams: {a: {endpoints: [\"http://h:1/base\"]}}",
            "upstreams.a.endpoints[0]: 'http://h:1/base' has a path, which endpoints do not take; add it on the route with rewrite: {add_prefix: /base}"
        ),
        (
            "upstreams: {a: {endpoints: [\"tcp://h:1\"]}}",
            "upstreams.a.endpoints[0]: 'tcp://h:1' must be http://host:port, https://host:port or unix:/path"
        ),
        (
            "upstreams: {a: {endpoints: \"http://h:1\"}}",
            "upstreams.a.endpoints: must be a list such as [\"http://127.0.0.1:8001\"]"
        ),
        (
            "upstreams: {a: \"http://h:1\"}",
            "upstreams.a: must be a mapping such as {endpoints: [\"http://127.0.0.1:8001\"]}"
        ),
        ("upstreams: [a]", "upstreams: must be a mapping such as {shop: {endpoints: [\"http://127.0.0.1:8001\"]}}"),
        (
            "upstreams: {a: {endpoints: [\"http://h:1\"], health: /health}}",
            "upstreams.a.health: must be a mapping such as {path: /health}"
        ),
        (
            "upstreams: {a: {endpoints: [\"http://h:1\"], balance: roundrobin}}",
            "upstreams.a.balance: must be round_robin, least_connections, peak_ewma or {consistent_hash: client}; did you mean round_robin?"
        ),
        ("routes: {prefix: /x}", "routes: must be a list such as [{prefix: /shop, upstream: shop}]"),
        ("trusted_proxies: 10.0.0.0/8", "trusted_proxies: must be a list such as [10.0.0.0/8, 192.0.2.7]"),
        (
            "trusted_proxies: [proxy.internal]",
            "trusted_proxies[0]: 'proxy.internal' is not an address or a network such as 10.0.0.0/8"
        ),
        ("access_log: true", "access_log: must be a mapping such as {sample: 0.1}"),
        ("redis: \"redis://h\"", "redis: must be a mapping such as {url: \"redis://127.0.0.1:6379\"}"),
        ("route: []", "route: unknown key; did you mean routes?"),
        (
            "tls: {certificates: [{certificate: /nonexistent/a.pem, key: /}]}",
            "tls.certificates[0].certificate: the file '/nonexistent/a.pem' does not exist"
        ),
        (
            "tls: {certificates: [{certificate: ~/a.pem, key: /}]}",
            "tls.certificates[0].certificate: '~/a.pem' begins with ~, which only shells expand; write the full path"
        ),
    ])
    func suggestsWhereAKeyBelongs(_ text: String, _ complaint: String) {
        #expect(complaints(text).contains("f:1: \(complaint)"), "\(complaints(text))")
    }

    /// One error does not hide another.
    @Test func routeWithTwoTargetsReportsOtherErrorsToo() {
        let text = """
            upstreams:
              a: {endpoints: ["http://127.0.0.1:1"], discovery: {dns: {name: a}}, balance: x, health: {interval: 1}}
            routes:
              - path: "/users/:id"
                upstream: nowhere
                redirect: {status: 999}
                hosts: ["http://a"]
                methods: [get]
                retry: 3
                cache: 5m
                timeouts: {total: 5}
                rate_limit: [{by: x, requests: 0, per: 1}]
                cors: {origins: [a]}
                permission: p
              - {upstream: a, body_limit: x}
            """
        let lines = complaints(text)
        for start in [
            "f:2: upstreams.a: needs one of endpoints, discovery, not several: endpoints, discovery",
            "f:2: upstreams.a.balance: ", "f:2: upstreams.a.health: needs path", "f:2: upstreams.a.health.interval: ",
            "f:4: routes[0].path: ",
            "f:4: routes[0]: needs one of upstream, split, grpc, redirect, respond, files, "
                + "aggregate, not several: upstream, redirect",
            "f:5: routes[0].upstream: ", "f:6: routes[0].redirect: needs to", "f:6: routes[0].redirect.status: ",
            "f:7: routes[0].hosts[0]: ", "f:8: routes[0].methods: ", "f:9: routes[0].retry: ",
            "f:10: routes[0].cache: ",
            "f:11: routes[0].timeouts.total: ", "f:12: routes[0].rate_limit[0].by: ",
            "f:12: routes[0].rate_limit[0].requests: ", "f:12: routes[0].rate_limit[0].per: ",
            "f:13: routes[0].cors.origins[0]: ", "f:14: routes[0].permission: ",
            "f:15: routes[1]: needs one of path, prefix", "f:15: routes[1].body_limit: ",
        ] {
            #expect(lines.contains { $0.hasPrefix(start) }, "\(start) in \(lines)")
        }
    }

    @Test func relativePathsStartFromTheFilesFolder() async throws {
        try await TestCertificates.with { made in
            try made.make("a.example", as: "a")
            let site = made.folder.appending(path: "site")
            try FileManager.default.createDirectory(at: site, withIntermediateDirectories: true)
            try Data("page".utf8).write(to: site.appending(path: "index.html"))
            let text = """
                tls: {certificates: [{certificate: a.pem, key: ./a.key}]}
                upstreams: {s: {endpoints: ["https://127.0.0.1:1"], tls: {ca: a.pem}}}
                routes: [{prefix: /site, files: {root: site}}]
                """
            var configuration = GatewayConfiguration()
            try GatewayFile.read(text, name: "f", folder: made.folder.path, into: &configuration)
            #expect(configuration.tls?.certificates.first?.chainPath == made.folder.path + "/a.pem")
            #expect(configuration.upstreams.first?.tls?.authorityPath == made.folder.path + "/a.pem")
            #expect(complaints(text, folder: "/nonexistent").count == 4)
        }
    }

    @Test func readsNewKeys() throws {
        var configuration = GatewayConfiguration()
        try GatewayFile.read(
            """
            upstreams: {a: {endpoints: ["http://127.0.0.1:1"]}}
            routes:
              - prefix: /x
                upstream: a
                encoded_slashes: keep
                upgrade: [websocket]
                authentication:
                  jwt: {jwks: "http://127.0.0.1:1/jwks"}
                  websocket: {protocol: bearer, cookie: token, origins: ["https://a.example"]}
            """, name: "f", into: &configuration)
        let route = try #require(configuration.routes.first)
        #expect(route.keepsEncodedSlashes)
        #expect(route.policies.authentication?.webSocket?.protocolName == "bearer")
        #expect(route.policies.authentication?.webSocket?.cookie == "token")
        #expect(route.policies.authentication?.webSocket?.origins == ["https://a.example"])
        let errors = ConfigErrors()
        _ = try GatewayFile.parse(
            "tls: {certificates: [{certificate: /a, key: /b}], redirect: {listen: \"[::]:80\", port: 443, status: 301}}",
            name: "f", into: &configuration, errors)
        #expect(errors.lines.isEmpty)
        var expected = GatewayConfiguration.HTTPSRedirect(host: "::", port: 80)
        expected.securePort = 443
        expected.status = 301
        #expect(configuration.tls?.redirect == expected)
    }
}
