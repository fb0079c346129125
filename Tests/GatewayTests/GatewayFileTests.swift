import MartletCore
import MartletDiscovery
import MartletRedis
import NIOCore
import Testing

@testable import Gateway

@Suite struct GatewayFileTests {
    @Test func readsEveryKey() throws {
        let configuration = try GatewayFile.configuration(
            """
            trusted_proxies: [10.0.0.0/8]
            limits: {request_body: 1MiB, headers: 50, cache: 8MiB}
            redis: {url: "redis://:secret@10.0.0.1:7000/2", timeout: 20ms, prefix: "g:"}
            overload: {lag: 100ms, requests: 5000}
            upstreams:
              a:
                endpoints: [http://127.0.0.1:1, {url: "http://127.0.0.1:2", weight: 3}]
                balance: {consistent_hash: {cookie: session}}
                health: {path: /health, interval: 1s, timeout: 500ms, healthy: 1, unhealthy: 2}
                breaker: {failures: 3, open_for: 1s, maximum_open_for: 1m, maximum_ejected: 100}
                concurrency: {limit: 7}
              b: {endpoints: ["unix:/tmp/b.sock"], balance: peak_ewma}
            routes:
              - name: one
                path: /a/{id}
                hosts: ["*.example.org"]
                methods: [GET]
                headers: {X-Version: "2"}
                split: [{upstream: a, weight: 9}, {upstream: b, weight: 1}]
                rewrite: {strip_prefix: /a}
                body_limit: 64KiB
                timeouts: {connect: 1s, first_byte: 2s, idle: 3s, total: 1m}
                retry: {attempts: 2, statuses: [503], backoff: 10ms, body_limit: 16KiB}
                concurrency: {limit: 10, queue: 20, wait: 500ms}
                shed: false
                addresses: {allow: [127.0.0.1]}
                cors: {origins: ["https://x.example"], credentials: true, max_age: 5m}
                authentication:
                  jwt: {issuer: i, audience: a, jwks: "https://x.example/jwks", leeway: 5s}
                  api_keys: {keys: [{name: k, sha256: \(String(repeating: "0a", count: 32)), permissions: [p]}]}
                permission: p
                rate_limit: [{by: user, requests: 10, per: 1s}, {header: X-Key, requests: 1, per: 1m, shared: true}]
                request_headers: {set: {X-A: b}, remove: [X-B]}
                response_headers: {add: {X-C: d}}
                security_headers: {strict_transport_security: 365d}
                compression: {types: [text/*, "*+json"], minimum: 2KiB, level: 9}
                cache: {maximum_age: 5m, default_age: 1s, stale_if_error: 1m, maximum_body: 64KiB, key_headers: [X-T], wait: 1s}
              - {prefix: /r, redirect: {to: "https://x.example{path}", status: 301}}
              - {prefix: /f, respond: {status: 404, body: gone}}
              - path: /all/{id}
                aggregate:
                  parts:
                    one: {upstream: a, path: "/x/{id}", timeout: 100ms, required: true, maximum_body: 64KiB}
                    two: {upstream: b, path: /y}
            """)
        #expect(configuration.upstreams.map(\.name) == ["a", "b"])
        #expect(configuration.upstreams[0].weights == [1, 3])
        #expect(configuration.upstreams[0].balance == .consistentHash(.cookie("session")))
        #expect(configuration.upstreams[0].breaker?.maximumEjected == 100)
        #expect(configuration.routes.count == 4)
        guard case .aggregate(let aggregate) = configuration.routes[3].action else {
            Issue.record("no aggregation")
            return
        }
        #expect(aggregate.parts.map(\.name) == ["one", "two"])
        #expect(aggregate.parts.map(\.timeout) == [.milliseconds(100), .seconds(2)])
        #expect(aggregate.parts.map(\.isRequired) == [true, false])
        let route = configuration.routes[0]
        #expect(route.match == .template("/a/{id}"))
        #expect(route.maximumRequestBody == 65_536)
        #expect(route.timeouts.total == .minutes(1))
        #expect(route.retries?.statuses == [503] && route.retries?.maximumBody == 16_384)
        #expect(route.concurrency?.limit == 10 && route.concurrency?.queue == 20)
        #expect(route.concurrency?.wait == .milliseconds(500) && !route.isSheddable)
        #expect(configuration.upstreams[0].concurrency == .init(limit: 7))
        #expect(configuration.redis?.location.password == "secret" && configuration.redis?.prefix == "g:")
        #expect(configuration.redis?.timeout == .milliseconds(20))
        #expect(configuration.overload?.lag == .milliseconds(100) && configuration.overload?.requests == 5000)
        #expect(route.policies.rateLimits.map(\.isShared) == [false, true])
        #expect(route.policies.rateLimits.map(\.key) == [.user, .header("X-Key")])
        #expect(route.policies.securityHeaders?.strictTransportSecurity == 31_536_000)
        #expect(route.policies.compression?.types == ["text/*", "*+json"])
        #expect(route.policies.compression?.minimum == 2048)
        #expect(route.cache?.maximumAge == .minutes(5))
        #expect(route.cache?.keyHeaders == ["X-T"])
        #expect(configuration.limits.cache == 8 << 20)
        #expect(configuration.limits.requestBody == 1_048_576)
    }

    @Test func readsDiscovery() throws {
        let upstreams = try GatewayFile.configuration(
            """
            upstreams:
              a: {discovery: {dns: {name: a.test, port: 80, server: "10.0.0.53:53", minimum_ttl: 1s, maximum_ttl: 1m}}}
              b: {discovery: {dns: {name: _http._tcp.b.test, type: srv}, allow: [10.0.0.0/8], hold_empty: 0s}}
              c:
                discovery:
                  etcd:
                    endpoints: ["https://e1:2379", "http://e2:2379"]
                    service: shop
                    user: u
                    password: p
                    tls: {ca: /ca, certificate: /c, key: /k}
              d: {discovery: {etcd: {endpoints: ["http://e1:2379"], prefix: /x/}}}
              e: {discovery: {consul: {address: "http://c:8500", service: s, tag: t, datacenter: d, token: x}}}
            """
        ).upstreams
        var dns = DNSSource(name: "a.test", port: 80, server: .init(address: "10.0.0.53", port: 53))
        dns.minimumInterval = .seconds(1)
        dns.maximumInterval = .seconds(60)
        #expect(upstreams[0].discovery == .init(.dns(dns)))
        var services = GatewayConfiguration.Discovery(.dns(DNSSource(name: "_http._tcp.b.test", type: .srv)))
        services.allow = ["10.0.0.0/8"].compactMap { AddressRange($0) }
        services.emptyHold = .zero
        #expect(upstreams[1].discovery == services)
        let registry = EtcdRegistry(
            hosts: ["https://e1:2379", "http://e2:2379"], user: "u", password: "p",
            tls: RegistryTLS(authorities: "/ca", certificate: "/c", key: "/k"))
        #expect(upstreams[2].discovery == .init(.etcd(EtcdSource(registry, prefix: "/martlet/services/shop/"))))
        let other = EtcdSource(EtcdRegistry(hosts: ["http://e1:2379"]), prefix: "/x/")
        #expect(upstreams[3].discovery == .init(.etcd(other)))
        let consul = ConsulSource(address: "http://c:8500", service: "s", tag: "t", datacenter: "d", token: "x")
        #expect(upstreams[4].discovery == .init(.consul(consul)))
        let found = upstreams.flatMap { $0.endpoints }
        #expect(found.isEmpty)
        // Descriptions omit passwords and tokens.
        let shown = upstreams.compactMap(\.discovery?.source.description)
        #expect(shown[2] == "etcd https://e1:2379,http://e2:2379 /martlet/services/shop/")
        #expect(shown[4] == "consul http://c:8500 s")
    }

    @Test(arguments: [
        ("{endpoints: [http://a:1], discovery: {dns: {name: a, port: 1}}}", "needs one of endpoints, discovery, not"),
        ("{}", "needs one of endpoints, discovery"), ("{discovery: {}}", "needs one of dns, etcd, consul"),
        ("{discovery: {dns: {name: a}}}", "dns: needs port"),
        ("{discovery: {dns: {name: a, type: srv, port: 1}}}", "dns.port: must not be set: SRV"),
        ("{discovery: {dns: {name: a, type: mx}}}", "dns.type: must be one of a, aaaa, srv"),
        ("{discovery: {dns: {name: a, port: 1, server: \"[::1]:53\"}}}", "dns.server: must be an IPv4"),
        ("{discovery: {dns: {name: a, port: 1, minimum_ttl: 1h}}}", "dns: minimum_ttl is longer"),
        ("{discovery: {etcd: {endpoints: [], prefix: /x}}}", "etcd.endpoints: needs at least one"),
        ("{discovery: {etcd: {endpoints: [\"http://u:p@h:1\"], prefix: /x}}}", "etcd.endpoints[0]: must be one"),
        ("{discovery: {etcd: {endpoints: [http://h:1]}}}", "etcd: needs one of prefix, service"),
        ("{discovery: {etcd: {endpoints: [http://h:1], prefix: /, tls: {key: /k}}}}", "etcd.tls: needs both cert"),
        ("{discovery: {consul: {address: c, service: s}}}", "consul.address: must be"),
        ("{discovery: {consul: {address: \"http://c:8500\"}}}", "consul: needs service"),
        ("{discovery: {dns: {name: a, port: 1}, allow: [x]}}", "discovery.allow[0]: 'x' is not an address"),
    ])
    func reportsInvalidDiscovery(_ upstream: String, _ complaint: String) {
        let error = #expect(throws: GatewayFileError.self) {
            _ = try GatewayFile.configuration("upstreams:\n  a: \(upstream)")
        }
        #expect(
            error?.lines.contains { $0.hasPrefix("f:2: ") && $0.contains(complaint) } == true, "\(error?.lines ?? [])")
    }

    @Test func reportsEveryErrorWithItsLine() throws {
        let text = """
            upstreams:
              a:
                endpoints: [ftp://x]
                balanse: round_robin
            routes:
              - prefix: /a
                path: /b
                upstream: nowhere
              - prefix: /x//y
                upstream: a
                timeouts: {total: 5x}
                rate_limit: [{requests: 0, per: 1s}]
              - prefix: /z
                upstream: a
                authentication: {jwt: {keys: [{algorithm: HS256, secret: short}]}}
              - prefix: /c
                upstream: a
                compression: {types: [text, "*/*"], level: 10}
              - path: /files
                files: {root: /nonexistent, fallback: [], cache_control: "a\\x01b"}
                cache: {key_headers: ["a b", X-User-Id], maximum_age: 0x}
              - path: /all/{id}
                aggregate:
                  parts:
                    missing: {upstream: a, path: /x}
                    one: {upstream: nowhere, path: "/x/{no}", timeout: 0ms, required: 1}
            tsl: x
            redis: {url: "http://user:hidden@x"}
            overload: {}
            """
        let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
        let starts = [
            "f:3: upstreams.a.endpoints[0]: ", "f:3: upstreams.a.endpoints: ", "f:4: upstreams.a.balanse: ",
            "f:6: routes[0]: needs one of path, prefix, not several", "f:8: routes[0].upstream: there is no upstream",
            "f:9: routes[1].prefix: ", "f:11: routes[1].timeouts.total: ", "f:12: routes[1].rate_limit[0].requests: ",
            "f:15: routes[2].authentication.jwt.keys[0].secret: ", "f:18: routes[3].compression.types[0]: ",
            "f:18: routes[3].compression.types[1]: ", "f:18: routes[3].compression.level: ",
            "f:20: routes[4].files.fallback: ", "f:20: routes[4].files.cache_control: ",
            "f:21: routes[4].cache.key_headers[0]: ", "f:21: routes[4].cache.key_headers[1]: ",
            "f:21: routes[4].cache.maximum_age: ",
            "f:21: routes[4].cache: needs upstream or split", "f:25: routes[5].aggregate.parts.missing: ",
            "f:26: routes[5].aggregate.parts.one.upstream: ", "f:26: routes[5].aggregate.parts.one.path: ",
            "f:26: routes[5].aggregate.parts.one.timeout: ", "f:26: routes[5].aggregate.parts.one.required: ",
            "f:27: tsl: unknown key",
            "f:28: redis.url: the URL must begin with redis://", "f:29: overload: needs lag, requests or both",
        ]
        #expect(error?.description.contains("hidden") == false)
        for start in starts {
            #expect(error?.lines.contains { $0.hasPrefix(start) } == true, "\(start) in \(error?.description ?? "")")
        }
    }

    /// A key without a value is an error, because its lines may have been commented out by mistake.
    @Test(arguments: [
        "authentication", "permission", "addresses", "rate_limit", "timeouts", "body_limit", "concurrency",
        "request_headers", "cache", "methods",
    ])
    func keyWithoutAValueIsAnError(_ key: String) {
        for value in ["", " null", " ~", " # none"] {
            let text = "routes:\n  - path: /a\n    respond: {}\n    \(key):\(value)\n"
            let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
            #expect(error?.lines == ["f:4: routes[0].\(key): is empty"], "\(error?.lines ?? [])")
        }
    }

    @Test func reportsEmptyValuesOnce() throws {
        let text = """
            upstreams:
              a:
            routes:
              - path:
                upstream: a
              - {path: /b, upstream: a, methods: [GET, ~], headers: {X-A: null}}
              - {path: /c, respond: {body: "", content_type: "null"}}
            trusted_proxies:
            """
        let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
        #expect(
            error?.lines == [
                "f:2: upstreams.a: is empty", "f:4: routes[0].path: is empty", "f:6: routes[1].methods[1]: is empty",
                "f:6: routes[1].headers.X-A: is empty", "f:8: trusted_proxies: is empty",
            ], "\(error?.description ?? "")")
    }

    /// An error in one route or file does not hide errors in others.
    @Test func reportsUnusableValuesWithTheirLine() throws {
        let text = """
            upstreams:
              a: {endpoints: ["http://127.0.0.1:0"]}
              b: {endpoints: ["https://u:hidden@127.0.0.1:1"]}
              s: {endpoints: ["https://127.0.0.1:1"], tls: {ca: /nonexistent.pem}}
              own: {endpoints: ["http://127.0.0.1:1"]}
            limits: {target: 0, head: 10}
            routes:
              - prefix: /x
                upstream: a
                request_headers:
                  set:
                    Content-Length: hidden
                    X-Key: "hidden\\x01"
                  remove: [Host]
                response_headers: {add: {X_Under: a}}
              - {prefix: /x, upstream: a}
              - prefix: /own
                upstream: own
              - {path: /page, respond: {content_type: "a\\nb"}}
              - path: /p
                respond: {}
                permission: p
              - path: /s
                respond: {}
                rate_limit: [{requests: 1, per: 1s, shared: true}]
              - path: /r
                respond: {}
                rate_limit: [{by: user, header: X-A, requests: 1, per: 1s}]
              - prefix: /f
                files: {root: /nonexistent}
              - path: /g
                files: {root: /tmp}
              - prefix: /w
                split: [{upstream: a, weight: 0}]
              - {path: /t, redirect: {to: "a\\nb"}, rewrite: {add_prefix: //}}
              - {path: "/{a}x", respond: {}}
              - path: /o
                respond: {}
                cors: {origins: ["*"], credentials: true}
              - {path: /x, upstream: own, aggregate: {parts: {}}}
            tls:
              certificates:
                - {certificate: /a, key: /b}
                - {certificate: /c, key: /d}
            """
        var base = GatewayConfiguration(
            upstreams: [.init(name: "own", endpoints: [.unix(path: "/own.sock")])],
            routes: [.init(.prefix("/own"), upstream: "own")])
        base.localRoutes = ["/page": { _ in .text("") }]
        let error = #expect(throws: GatewayFileError.self) { try GatewayFile.read(text, name: "f", into: &base) }
        let starts = [
            "f:2: upstreams.a.endpoints[0]: 'http://127.0.0.1:0' has port 0", "f:3: upstreams.b.endpoints[0]: ",
            "f:4: upstreams.s.tls.ca: the file '/nonexistent.pem' does not exist",
            "f:5: upstreams.own: the platform already has an upstream of this name",
            "f:6: limits.target: must be 16 bytes",
            "f:6: limits.head: must be 256 bytes",
            "f:12: routes[0].request_headers.set.Content-Length: 'Content-Length' cannot be set",
            "f:13: routes[0].request_headers.set.X-Key: must be a valid field value",
            "f:14: routes[0].request_headers.remove[0]: 'Host' cannot be removed",
            "f:15: routes[0].response_headers.add.X_Under: 'X_Under' cannot be set",
            "f:16: routes[1].prefix: '/x' is a duplicate of routes[0]",
            "f:17: routes[2].prefix: '/own' is already a route of the platform",
            "f:19: routes[3].path: '/page' is already a route of the platform",
            "f:19: routes[3].respond.content_type: must be a valid field value",
            "f:22: routes[4].permission: needs authentication",
            "f:25: routes[5].rate_limit: has a shared limit, which needs redis",
            "f:28: routes[6].rate_limit[0]: needs by or header, not both",
            "f:30: routes[7].files: the folder '/nonexistent' does not exist",
            "f:32: routes[8].files: '/g' must be a prefix to serve files",
            "f:34: routes[9].split: needs a weight above 0",
            "f:35: routes[10].redirect.to: must be a valid field value",
            "f:35: routes[10].rewrite.add_prefix: '//' is not a normalized path",
            "f:36: routes[11].path: a parameter of '/{a}x'",
            "f:39: routes[12].cors: credentials need named origins",
            "f:40: routes[13]: needs one of upstream, ", "f:40: routes[13].aggregate: needs 1 to 16 parts",
            "f:43: tls.certificates[0].certificate: the file '/a' does not exist",
            "f:43: tls.certificates[0].key: the file '/b' does not exist",
            "f:44: tls.certificates[1].certificate: the file '/c' does not exist",
            "f:44: tls.certificates[1].key: the file '/d' does not exist",
        ]
        for start in starts {
            #expect(error?.lines.contains { $0.hasPrefix(start) } == true, "\(start) in \(error?.description ?? "")")
        }
        // An upstream whose only endpoint is invalid has no endpoint.
        #expect(error?.lines.count == starts.count + 2, "\(error?.description ?? "")")
        #expect(error?.description.contains("hidden") == false)
        // An invalid file changes nothing.
        #expect(base.upstreams.count == 1 && base.routes.count == 1)
    }

    @Test func fileCanReferToThePlatformsUpstreams() throws {
        var base = GatewayConfiguration(upstreams: [.init(name: "own", endpoints: [.unix(path: "/own.sock")])])
        try GatewayFile.read("routes: [{path: /a, upstream: own}]", name: "f", into: &base)
        #expect(base.routes.count == 1)
        #expect(throws: GatewayFileError.self) {
            _ = try GatewayFile.configuration("routes: [{path: /a, upstream: own}]")
        }
    }

    @Test func reportsEveryDuplicateKey() throws {
        let text = """
            routes:
              - path: /a
                respond: {status: 200, "status": 201}
                name: a
                'name': b
                name: c
            limits: {headers: 0}
            routes: []
            """
        let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
        #expect(error?.lines.first == "f:1: routes: is repeated below", "\(error?.description ?? "")")
        #expect(error?.lines.contains { $0.hasPrefix("f:7: limits.headers: ") } == true)
        let route = text.split(separator: "\n").dropLast().joined(separator: "\n")
        let inner = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(route) }
        #expect(
            inner?.lines.dropLast() == [
                "f:3: routes[0].respond.status: is repeated below", "f:4: routes[0].name: is repeated below",
                "f:5: routes[0].name: is repeated below",
            ], "\(inner?.description ?? "")")
    }

    @Test(arguments: [
        ("routes: [\n", "f:2: "), ("a: 1\nb: 2\n c: 3\n", "f:3: "), ("a: b\u{1}\n", "f:1: "), ("a: *b", "f:1: "),
    ])
    func reportsTheLineOfInvalidYAML(_ text: String, _ start: String) {
        let error = #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
        #expect(error?.lines.count == 1 && error?.lines.first?.hasPrefix(start) == true, "\(error?.lines ?? [])")
    }

    @Test(arguments: [
        "", "[", "x", "- 1", "routes: {}", "routes: [1]", "routes: [{path: /}]", "upstreams: [a]",
        "upstreams: {a: {endpoints: []}}", "a: 1\na: 2",
        "routes: [{path: /, respond: {}}, {path: /, respond: {}}]",
        "routes: [{path: /x, files: {root: /tmp}}]", "routes: [{prefix: /x, files: {root: /nonexistent}}]",
        "routes: [{prefix: /x, files: {root: /tmp, fallback: there-is-no-such-file}}]",
        "routes: [{path: /, respond: {}, permission: x}]",
        "routes: [{path: \"/{a}x\", respond: {}}]",
        "routes: [{path: /, respond: {}, rate_limit: [{requests: 1, per: 1s, shared: true}]}]",
        "routes: [{path: /, respond: {}, concurrency: {limit: 0}}]",
        "routes: [{path: /, respond: {}, retry: {body_limit: 2MiB}}]",
        "routes: [{path: /, respond: {}, cors: {origins: [\"*\"], credentials: true}}]",
        "routes: [{path: /, redirect: {to: \"x\\ny\"}}]",
        "routes: [{path: /, respond: {}, response_headers: {set: {Content-Length: \"5\"}}}]",
    ])
    func rejectsConfigurationsThatCannotRun(_ text: String) {
        #expect(throws: GatewayFileError.self) { _ = try GatewayFile.configuration(text) }
    }
}
