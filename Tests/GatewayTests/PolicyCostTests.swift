import MartletCore
import NIOCore
import Testing

@testable import Gateway

/// What outside bytes cost at the most: steps are counted, and a generous time is the second net.
@Suite struct PolicyCostTests {
    // MARK: the file

    @Test func aliasesThatMultiplyAreCountedNoFurtherThanTheBound() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        var configuration = GatewayConfiguration()
        let clock = ContinuousClock()
        var error: GatewayFileError?
        let elapsed = clock.measure {
            error = #expect(throws: GatewayFileError.self) {
                try GatewayFile.read(text, name: "f", into: &configuration)
            }
        }
        #expect(error?.lines.count == 1 && error?.lines.first?.contains("has more than 100000 values") == true)
        #expect(elapsed < .seconds(10))
    }

    @Test func aliasesSayWhatTheyStandFor() throws {
        var configuration = GatewayConfiguration()
        try GatewayFile.read(
            """
            routes:
              - {path: /a, respond: {}, addresses: &office {allow: [10.0.0.0/8]}}
              - {path: /b, respond: {}, addresses: *office}
            """, name: "f", into: &configuration)
        #expect(configuration.routes[1].policies.addresses?.allow.first == AddressRange("10.0.0.0/8"))
        let root = try #require(try YAMLText.compose("a: &x [1, 2]\nb: *x"))
        #expect(try YAMLText.count(root) == 7)
    }

    @Test(arguments: [
        String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000),
        String(repeating: "{a: ", count: 5000), String(repeating: "- ", count: 5000) + "x",
        (0..<3000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
        String(repeating: "[", count: 150) + String(repeating: "]", count: 150),
    ])
    func whatIsNestedTooDeepIsRefused(_ text: String) {
        var configuration = GatewayConfiguration()
        #expect(throws: GatewayFileError.self) {
            try GatewayFile.read("routes: " + text, name: "f", into: &configuration)
        }
    }

    @Test func aFileIsBounded() {
        var configuration = GatewayConfiguration()
        let long = "# " + String(repeating: "x", count: YAMLText.maximumLength)
        let error = #expect(throws: GatewayFileError.self) {
            try GatewayFile.read(long, name: "f", into: &configuration)
        }
        #expect(error?.lines.first?.hasPrefix("f: has 1048578 bytes") == true)
        // Keys that come twice have the text read again, but not for ever.
        let twice = (0..<2_000).map { _ in "a: 1" }.joined(separator: "\n")
        #expect(throws: GatewayFileError.self) { try GatewayFile.read(twice, name: "f", into: &configuration) }
        #expect(throws: GatewayFileError.self) {
            try GatewayFile.read("? [a, b]\n: 1", name: "f", into: &configuration)
        }
    }

    // MARK: requests

    /// The longest head, of as many elements as it can have. Twice of it costs twice as much, and not four times.
    private static let head = 32_768

    private func cost(_ lines: [String], _ body: (RequestView) -> Void) throws -> Duration {
        try TestRequest.with(TestRequest.fields(lines)) { request in
            (0..<3).map { _ in ContinuousClock().measure { body(request) } }.min() ?? .zero
        }
    }

    @Test(arguments: [";", "a=b;", "access=;", "=;", " ;", "access", "\"", "a\u{301}"])
    func cookiesAreReadInOnePass(_ piece: String) throws {
        let line = "Cookie: " + String(repeating: piece, count: Self.head / piece.utf8.count)
        let elapsed = try cost([line]) { _ = $0.cookies(Array("access".utf8)) }
        #expect(elapsed < .milliseconds(200))
    }

    @Test(arguments: [",", "gzip,", "gzip;q=0.001,", "gzip;", " ", "*", "a\u{301},"])
    func codingsAreReadInOnePass(_ piece: String) throws {
        let line = "Accept-Encoding: " + String(repeating: piece, count: Self.head / piece.utf8.count) + "x"
        let elapsed = try cost([line]) { _ = CodingPreference($0) }
        #expect(elapsed < .milliseconds(200))
    }

    @Test(arguments: [",", "no-store,", "a=\"", "max-age=9,", "\"", "=", "max-age=99999999999999999999999"])
    func directivesAreReadInOnePass(_ piece: String) throws {
        let line = "Cache-Control: " + String(repeating: piece, count: Self.head / piece.utf8.count)
        let elapsed = try cost([line]) { _ = CacheControl($0.bytes, headers: $0.head.headers) }
        #expect(elapsed < .milliseconds(200))
    }

    @Test func anOriginIsLookedForOnce() throws {
        let origins = (0..<10_000).map { "https://app\($0).example" }
        let policy = try CORSPolicy(.init(origins: origins))
        let long = "Origin: https://" + String(repeating: "a\u{301}", count: 10_000)
        for (line, isAllowed) in [("Origin: https://app9999.example", true), (long, false)] {
            try TestRequest.with(TestRequest.fields([line])) { request in
                guard case .lines(let lines) = policy.check(request) else {
                    Issue.record("a preflight")
                    return
                }
                #expect(String(decoding: lines, as: UTF8.self).contains("Access-Control-Allow-Origin") == isAllowed)
            }
            let elapsed = try cost([line]) { _ = policy.check($0) }
            #expect(elapsed < .milliseconds(100))
        }
    }

    @Test func conditionsAreComparedAsBytes() {
        let tag = "\"" + String(repeating: "a\u{301}\u{316}", count: 6000) + "\""
        let clock = ContinuousClock()
        let elapsed = clock.measure {
            #expect(!EntityTags.contain(tag + ", W/\"x\"", "\"a\"", isStrong: false))
            #expect(EntityTags.contain("\"b\", " + tag, tag, isStrong: true))
            // What is the same to Unicode is not the same tag.
            #expect(!EntityTags.contain("\"\u{e9}\"", "\"e\u{301}\"", isStrong: false))
        }
        #expect(elapsed < .milliseconds(200))
    }

    /// A path has two readings at the most, each looked up once, however many routes are guarded.
    @Test func aLenientReadingIsLookedUpOnce() throws {
        let routes =
            (0..<5000).map { number in
                var route = GatewayConfiguration.RouteRule(.prefix("/Area\(number)/x"), upstream: "a")
                route.policies.addresses = .init(allow: [])
                return route
            } + [GatewayConfiguration.RouteRule(.prefix("/"), upstream: "a")]
        let table = try #require(LenientTable(routes, try routes.map { try RouteKey($0) }))
        let path = "/area4999" + String(repeating: "%2FA;b", count: 1300)
        let elapsed = try TestRequest.with(["GET \(path) HTTP/1.1"], keepsEncodedSlashes: true) { request in
            #expect(request.target.hasEncodedSlash)
            return ContinuousClock().measure { _ = table.matchesGuardedRoute(request, otherThan: 5000) }
        }
        #expect(elapsed < .milliseconds(200))
        #expect(LenientTable.withSlashes(Array("/a%2F%252F%2f%2".utf8)) == Array("/a/%252F%2f%2".utf8))
        let leads = try TestRequest.with(["GET /area7%2FX/y HTTP/1.1"], keepsEncodedSlashes: true) {
            table.matchesGuardedRoute($0, otherThan: 5000)
        }
        #expect(leads)
    }
}
