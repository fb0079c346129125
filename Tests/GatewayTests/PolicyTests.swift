import Crypto
import JWTKit
import Logging
import MartletCore
import MartletTokens
import NIOCore
import Testing

@testable import Gateway

/// Routes with policies, over real sockets. The upstream echoes its requests.
@Suite struct PolicyTests {
    private static let secret = Array("a secret of the tests, 32 bytes and more".utf8)

    private func withRoute(
        _ change: (inout GatewayConfiguration.RouteRule) -> Void,
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let upstream = try await TestUpstream.start { request in
            TestUpstream.ok(
                request.startLine + "\n" + request.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n"),
                headers: "Access-Control-Allow-Origin: evil\r\nX-Powered-By: secret\r\n")
        }
        try await withGateway(endpoint: upstream.endpoint) { configuration in
            var route = GatewayConfiguration.RouteRule(.prefix("/p"), upstream: "test")
            change(&route)
            configuration.routes.append(route)
        } _: {
            try await body($0)
        }
        await upstream.stop()
    }

    private struct Claims: JWTPayload {
        var iss = "tests"
        var aud = "gateway"
        var sub = "7"
        var exp: Int
        var username = "ada"
        var permissions = ["things.read"]
        var sid = "s1"

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private func token(_ change: (inout Claims) -> Void = { _ in }, secret: [UInt8] = secret) async throws -> String {
        var claims = Claims(exp: Int(WallClock.system.now.secondsSince1970) + 60)
        change(&claims)
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: "k")
        return try await keys.sign(claims, kid: "k")
    }

    private func authenticated(_ route: inout GatewayConfiguration.RouteRule) {
        var issuer = TokenIssuer()
        issuer.issuer = "tests"
        issuer.audience = "gateway"
        issuer.keys = [.init(.hs256, id: "k", material: Self.secret)]
        route.policies.authentication = .init(tokens: issuer)
    }

    @Test func acceptsValidTokensAndForwardsTheIdentity() async throws {
        try await withRoute(authenticated) { gateway in
            let missing = try await gateway.get("/p")
            #expect(missing.status == 401)
            #expect(missing["www-authenticate"] == "Bearer")
            let token = try await token()
            // The second time, the signature is not verified again.
            for _ in 0..<2 {
                let answer = try await gateway.get(
                    "/p",
                    headers: "Authorization: Bearer \(token)\r\nX-User-Id: 1\r\nX_User_Id: 1\r\nx-USER-name: eve\r\n")
                #expect(answer.status == 200)
                #expect(answer.text.contains("X-User-Id: 7\nX-User-Name: ada\nX-User-Permissions: things.read\n"))
                #expect(answer.text.contains("Authorization: Bearer \(token)"))
                #expect(!answer.text.contains("eve") && !answer.text.contains("Id: 1"))
            }
        }
    }

    @Test func rejectsInvalidTokens() async throws {
        let now = Int(WallClock.system.now.secondsSince1970)
        let good = try await token()
        let parts = good.split(separator: ".").map(String.init)
        let none = "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.\(parts[1])."
        let critical = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpbIngiXX0.\(parts[1]).\(parts[2])"
        let otherAlgorithm = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.\(parts[1]).\(parts[2])"
        let tokens = [
            "x", "", "..", none, critical, otherAlgorithm, good + "x", "\(parts[0]).\(parts[1])", good + ".x",
            try await token({ $0.exp = now - 60 }), try await token({ $0.iss = "others" }),
            try await token({ $0.aud = "others" }), try await token({ $0.sub = "" }),
            try await token(secret: Array("another secret, also of 32 bytes and more".utf8)),
            String(repeating: "a", count: 9000) + ".b.c",
        ]
        try await withRoute(authenticated) { gateway in
            for token in tokens {
                let answer = try await gateway.get("/p", headers: "Authorization: Bearer \(token)\r\n")
                #expect(answer.status == 401, "\(token.prefix(80))")
                #expect(answer["content-type"] == "application/problem+json")
            }
            let twice = "Authorization: Bearer \(good)\r\nAuthorization: Bearer x\r\n"
            #expect(try await gateway.get("/p", headers: twice).status == 401)
            #expect(try await gateway.get("/p", headers: "Authorization: Basic YTpi\r\n").status == 401)
        }
    }

    @Test func revokingASessionInvalidatesItsTokensAtOnce() async throws {
        try await withRoute(authenticated) { gateway in
            let first = "Authorization: Bearer \(try await token())\r\n"
            let second = "Authorization: Bearer \(try await token { $0.sub = "8" })\r\n"
            let other = "Authorization: Bearer \(try await token { $0.sid = "s2" })\r\n"
            #expect(try await gateway.get("/p", headers: first).status == 200)
            gateway.gateway.revoke(session: "s1", until: WallClock.system.now.secondsSince1970 + 60)
            #expect(try await gateway.get("/p", headers: first).status == 401)
            #expect(try await gateway.get("/p", headers: second).status == 401)
            #expect(try await gateway.get("/p", headers: other).status == 200)
        }
    }

    @Test func requiresThePermission() async throws {
        try await withRoute {
            authenticated(&$0)
            $0.policies.permission = "things.write"
        } _: { gateway in
            let reader = try await gateway.get("/p", headers: "Authorization: Bearer \(try await token())\r\n")
            #expect(reader.status == 403)
            let writer = try await token { $0.permissions.append("things.write") }
            #expect(try await gateway.get("/p", headers: "Authorization: Bearer \(writer)\r\n").status == 200)
        }
    }

    @Test func identifiesClientsByAPIKey() async throws {
        let digest = Array(SHA256.hash(data: Array("key-1".utf8)))
        let keys = GatewayConfiguration.APIKeys(keys: [.init(name: "robot", digest: digest)])
        try await withRoute {
            $0.policies.authentication = .init(apiKeys: keys)
        } _: { gateway in
            var statuses: [Int] = []
            for headers in ["", "X-API-Key: key-2\r\n", "X-API-Key: key-1\r\nX-API-Key: key-1\r\n"] {
                statuses.append(try await gateway.get("/p", headers: headers).status)
            }
            #expect(statuses == [401, 401, 401])
            let answer = try await gateway.get("/p", headers: "x-api-key: key-1\r\n")
            #expect(answer.text.contains("X-User-Id: robot"))
        }
    }

    @Test func respelledPathsCannotBypassPolicies() async throws {
        try await withRoute(authenticated) { gateway in
            for path in [
                "/p", "/p/", "/p/x", "/%70", "/p%2fx", "//p", "/./p", "/x/../p", "/p;x", "/%2e/p", "/p/..;/x", "/%2570",
            ] {
                let status = try await gateway.get(path).status
                #expect([400, 401, 404].contains(status), "\(path): \(status)")
            }
        }
    }

    @Test func limitsEachClientAndReportsTheLimit() async throws {
        try await withRoute {
            $0.policies.rateLimits = [.init(by: .header("X-Key"), requests: 2, per: .hours(1))]
        } _: { gateway in
            #expect(try await gateway.get("/p", headers: "X-Key: a\r\n")["ratelimit"] == "\"header\";r=1;t=1800")
            #expect(try await gateway.get("/p", headers: "X-Key: a\r\n").status == 200)
            let refused = try await gateway.get("/p", headers: "X-Key: a\r\n")
            #expect(refused.status == 429)
            #expect(Int(refused["retry-after"] ?? "") ?? 0 > 1700)
            #expect(refused["ratelimit-policy"] == "\"header\";q=2;w=3600")
            #expect(try await gateway.get("/p", headers: "X-Key: b\r\n").status == 200)
        }
    }

    /// Limits with the same name share their counts, even across paths. Limits without a name never do.
    @Test(arguments: [nil, "things"]) func limitsArePerRouteUnlessNamed(name: String?) async throws {
        try await withProxy(answer: { _ in TestUpstream.ok("x") }) { configuration in
            for (path, method) in [("/p", "GET"), ("/p", "PUT"), ("/q", "GET")] {
                var route = GatewayConfiguration.RouteRule(.prefix(path), upstream: "test")
                route.name = name
                route.methods = [method]
                route.policies.rateLimits = [.init(by: .client, requests: 2, per: .hours(1))]
                configuration.routes.append(route)
            }
        } _: { gateway, upstream in
            var statuses: [Int] = []
            for request in ["GET /p", "PUT /p", "GET /q"] {
                statuses.append(try await gateway.exchange("\(request) HTTP/1.1\r\nHost: a\r\n\r\n").status)
            }
            #expect(statuses == [200, 200, name == nil ? 200 : 429])
        }
    }

    /// Some servers read these paths as the protected path. They must not reach it through a less protected route.
    @Test func lenientPathReadingsCannotBypassPolicies() async throws {
        try await withProxy(answer: { _ in TestUpstream.ok("secret") }) { configuration in
            configuration.routes = [.init(.prefix("/"), upstream: "test")]
            for match in [
                GatewayConfiguration.RouteRule.Match.prefix("/Admin"), .exact("/reports/all"),
                .template("/users/{id}/keys"),
            ] {
                var route = GatewayConfiguration.RouteRule(match, upstream: "test")
                authenticated(&route)
                configuration.routes.append(route)
            }
            configuration.routes.append(.init(.prefix("/admin/health"), upstream: "test"))
        } _: { gateway, upstream in
            for path in [
                "/admin", "/ADMIN/", "/admin/x", "/Admin;v=1", "/Admin;v=1/x", "/admin;x", "/Admin/../Admin",
                "/reports;x/all",
                "/REPORTS/all", "/reports/all;x", "/users/7/KEYS", "/users/7/keys;x", "/Users/7;a/keys", "/%61dmin",
                "/admin%3bx", "/Admin", "/Admin/x", "/users/7/keys", "/reports/all",
            ] {
                let answer = try await gateway.get(path)
                let isOther = path == "/admin%3bx"
                #expect((answer.status == 200) == isOther, "\(path): \(answer.status)")
            }
            for path in ["/", "/X", "/a;b", "/Administration", "/admin/health", "/reports/All;x/y", "/users/7/Keys/x"] {
                #expect(try await gateway.get(path).status == 200, "\(path)")
            }
        }
    }

    @Test func onlyPreflightsMatchByRequestedMethod() async throws {
        try await withRoute {
            $0.methods = ["GET"]
            $0.policies.cors = GatewayConfiguration.CORS(origins: ["https://a.example"])
        } _: { gateway in
            let ask = "Access-Control-Request-Method: GET\r\n"
            for (headers, status) in [("", 405), (ask, 204)] {
                let answer = try await gateway.exchange(
                    "OPTIONS /p HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n\(headers)\r\n")
                #expect(answer.status == status)
            }
        }
    }

    /// To servers and to DNS, `a.example.` is `a.example`.
    @Test(arguments: ["secret.example", "secret.example.", "SECRET.example.:80"])
    func trailingDotInHostIsIgnored(host: String) async throws {
        try await withRoute {
            $0.hosts = ["secret.example"]
            authenticated(&$0)
        } _: { gateway in
            let status = try await gateway.exchange("GET /p HTTP/1.1\r\nHost: \(host)\r\n\r\n").status
            #expect(status == 401)
        }
    }

    @Test func forwardingFieldsCanBeSetAndRemoved() async throws {
        try await withRoute {
            $0.policies.requestHeaders.set["X-Forwarded-Proto"] = "https"
            $0.policies.requestHeaders.remove = ["X-Real-IP", "Forwarded"]
        } _: { gateway in
            let lines = try await gateway.get("/p", headers: "Forwarded: for=1.1.1.1\r\n").text.lowercased()
                .split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("x-forwarded-proto:") } == ["x-forwarded-proto: https"])
            #expect(!lines.contains { $0.hasPrefix("x-real-ip:") || $0.hasPrefix("forwarded:") })
            #expect(lines.contains { $0.hasPrefix("x-forwarded-for:") })
        }
    }

    @Test func rejectsDeniedAddresses() async throws {
        let loopback = try #require(AddressRange("127.0.0.0/8"))
        let other = try #require(AddressRange("10.0.0.0/8"))
        let rules: [(GatewayConfiguration.AddressRule, Int)] = [
            (.init(allow: [other]), 403), (.init(deny: [loopback]), 403),
            (.init(allow: [loopback], deny: [other]), 200),
        ]
        for (rule, expected) in rules {
            try await withRoute {
                $0.policies.addresses = rule
            } _: { gateway in
                // There are no trusted proxies, so the header is ignored.
                let status = try await gateway.get("/p", headers: "X-Forwarded-For: 10.0.0.1\r\n").status
                #expect(status == expected)
            }
        }
    }

    @Test func answersPreflightsForAllowedOrigins() async throws {
        try await withRoute { route in
            authenticated(&route)
            route.methods = ["POST"]
            var cors = GatewayConfiguration.CORS(origins: ["https://a.example"])
            cors.allowsCredentials = true
            route.policies.cors = cors
        } _: { gateway in
            func preflight(_ origin: String) async throws -> TestMessage {
                try await gateway.exchange(
                    "OPTIONS /p HTTP/1.1\r\nHost: x\r\nOrigin: \(origin)\r\nAccess-Control-Request-Method: POST\r\n\r\n"
                )
            }
            let allowed = try await preflight("https://a.example")
            #expect(allowed.status == 204)
            #expect(allowed["access-control-allow-origin"] == "https://a.example")
            #expect(allowed["access-control-allow-credentials"] == "true")
            #expect(allowed["vary"] == "Origin")
            let refused = try await preflight("https://b.example")
            #expect(refused.status == 204)
            #expect(refused["access-control-allow-origin"] == nil)
            // The page can read the refusal.
            let unauthorized = try await gateway.exchange(
                "POST /p HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\nContent-Length: 0\r\n\r\n")
            #expect(unauthorized.status == 401)
            #expect(unauthorized["access-control-allow-origin"] == "https://a.example")
            let token = try await token()
            let answer = try await gateway.exchange(
                "POST /p HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\nContent-Length: 0\r\n"
                    + "Authorization: Bearer \(token)\r\n\r\n")
            // The upstream's own CORS headers are removed.
            #expect(answer.all("access-control-allow-origin") == ["https://a.example"])
        }
    }

    @Test func editsRequestAndResponseHeaders() async throws {
        try await withRoute { route in
            route.policies.requestHeaders.set["X-Added"] = "1"
            route.policies.requestHeaders.remove = ["Accept-Language"]
            route.policies.responseHeaders.remove = ["X-Powered-By"]
            route.policies.securityHeaders = .init()
        } _: { gateway in
            let answer = try await gateway.get("/p", headers: "X-Added: 2\r\nAccept-Language: de\r\n")
            #expect(answer.text.contains("X-Added: 1") && !answer.text.contains("X-Added: 2"))
            #expect(!answer.text.contains("Accept-Language"))
            #expect(answer["x-powered-by"] == nil)
            #expect(answer["x-content-type-options"] == "nosniff")
            #expect(answer["x-frame-options"] == "DENY")
        }
    }

    @Test(arguments: ["Host", "Content-Length", "transfer-encoding", "Connection", "X-User-Id", "a b", "X_Y", ""])
    func rejectsEditsThatBreakFraming(_ name: String) throws {
        var edit = GatewayConfiguration.HeaderEdit()
        edit.set[name] = "x"
        #expect(throws: GatewayError.self) { _ = try HeaderRules(edit) }
        edit = .init()
        edit.set["X-Good"] = "a\r\nX-Bad: b"
        #expect(throws: GatewayError.self) { _ = try HeaderRules(edit) }
    }
}
