import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

/// The maximum cost of outside input. Where no steps are counted, the processor time for an input is compared with that
/// for one eight times as long.
@Suite struct PolicyCostTests {
    // MARK: File

    @Test func countsMultiplyingAliasesUpToTheLimit() {
        func read(levels: Int) {
            var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            for level in 1...levels {
                text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
            }
            var configuration = GatewayConfiguration()
            let error = #expect(throws: GatewayFileError.self) {
                try GatewayFile.read(text, name: "f", into: &configuration)
            }
            #expect(error?.lines.count == 1 && error?.lines.first?.contains("has more than 100000 values") == true)
        }
        // Ten million times as many values.
        #expect(CPUTime.ratio(of: { read(levels: 12) }, to: { read(levels: 5) }) < 8)
    }

    @Test func resolvesAliases() throws {
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
    func rejectsDeepNesting(_ text: String) {
        var configuration = GatewayConfiguration()
        #expect(throws: GatewayFileError.self) {
            try GatewayFile.read("routes: " + text, name: "f", into: &configuration)
        }
    }

    @Test func limitsTheLengthOfAFile() {
        var configuration = GatewayConfiguration()
        let long = "# " + String(repeating: "x", count: YAMLText.maximumLength)
        let error = #expect(throws: GatewayFileError.self) {
            try GatewayFile.read(long, name: "f", into: &configuration)
        }
        #expect(error?.lines.first?.hasPrefix("f: has 1048578 bytes") == true)
        // Duplicate keys require a second pass over the text, but only up to a limit.
        let twice = (0..<2_000).map { _ in "a: 1" }.joined(separator: "\n")
        #expect(throws: GatewayFileError.self) { try GatewayFile.read(twice, name: "f", into: &configuration) }
        #expect(throws: GatewayFileError.self) {
            try GatewayFile.read("? [a, b]\n: 1", name: "f", into: &configuration)
        }
    }

    // MARK: Requests

    /// The growth of the cost for a field eight times as long, which is the longest that fits in a head.
    /// - Parameter line: returns a field of a given length.
    private func growth(_ line: (_ length: Int) -> String, _ body: (RequestView) -> Void) throws -> Double {
        try TestRequest.with(TestRequest.fields([line(4096)])) { short in
            try TestRequest.with(TestRequest.fields([line(32_768)])) { long in
                CPUTime.ratio(of: { body(long) }, to: { body(short) }) / 8
            }
        }
    }

    @Test(arguments: [";", "a=b;", "access=;", "=;", " ;", "access", "\"", "a\u{301}"])
    func readingCookiesCostsLinearTime(_ piece: String) throws {
        let growth = try growth({ "Cookie: " + String(repeating: piece, count: $0 / piece.utf8.count) }) {
            _ = $0.cookies(Array("access".utf8))
        }
        #expect(growth < 3)
    }

    @Test(arguments: [",", "gzip,", "gzip;q=0.001,", "gzip;", " ", "*", "a\u{301},"])
    func readingCodingsCostsLinearTime(_ piece: String) throws {
        let growth = try growth({ "Accept-Encoding: " + String(repeating: piece, count: $0 / piece.utf8.count) + "x" })
        {
            _ = CodingPreference($0)
        }
        #expect(growth < 3)
    }

    @Test(arguments: [",", "no-store,", "a=\"", "max-age=9,", "\"", "=", "max-age=99999999999999999999999"])
    func readingDirectivesCostsLinearTime(_ piece: String) throws {
        let growth = try growth({ "Cache-Control: " + String(repeating: piece, count: $0 / piece.utf8.count) }) {
            _ = CacheControl($0.bytes, headers: $0.head.headers)
        }
        #expect(growth < 3)
    }

    @Test func originsAreFoundInConstantTime() throws {
        func policy(_ count: Int) throws -> CORSPolicy {
            try CORSPolicy(.init(origins: (0..<count).map { "https://app\($0).example" }))
        }
        let (few, many) = (try policy(100), try policy(10_000))
        let long = "Origin: https://" + String(repeating: "a\u{301}", count: 10_000)
        for (line, isAllowed) in [("Origin: https://app9999.example", true), (long, false)] {
            try TestRequest.with(TestRequest.fields([line])) { request in
                guard case .lines(let lines) = many.check(request) else {
                    Issue.record("a preflight")
                    return
                }
                #expect(String(decoding: lines, as: UTF8.self).contains("Access-Control-Allow-Origin") == isAllowed)
                // The number of other origins does not matter.
                #expect(CPUTime.ratio(of: { _ = many.check(request) }, to: { _ = few.check(request) }) < 8)
            }
        }
        let growth = try growth({ "Origin: https://" + String(repeating: "a\u{301}", count: $0 / 3) }) {
            _ = many.check($0)
        }
        #expect(growth < 3)
    }

    @Test func comparesConditionsAsBytes() {
        let growth = CPUTime.growth(at: 750) { count in
            let tag = "\"" + String(repeating: "a\u{301}\u{316}", count: count) + "\""
            #expect(!EntityTags.contain(tag + ", W/\"x\"", "\"a\"", isStrong: false))
            #expect(EntityTags.contain("\"b\", " + tag, tag, isStrong: true))
        }
        #expect(growth < 3)
        // Canonically equivalent Unicode texts are different tags.
        #expect(!EntityTags.contain("\"\u{e9}\"", "\"e\u{301}\"", isStrong: false))
    }

    /// A path has at most two readings. Each is looked up once, however many routes are guarded.
    @Test func lenientReadingsAreFoundInConstantTime() throws {
        func table(_ count: Int) throws -> LenientTable {
            let routes =
                (0..<count).map { number in
                    var route = GatewayConfiguration.RouteRule(.prefix("/Area\(number)/x"), upstream: "a")
                    route.policies.addresses = .init(allow: [])
                    return route
                } + [GatewayConfiguration.RouteRule(.prefix("/"), upstream: "a")]
            return try #require(LenientTable(routes, try routes.map { try RouteKey($0) }))
        }
        let (small, large) = (try table(50), try table(5000))
        let path = "/area4999" + String(repeating: "%2FA;b", count: 1300)
        let ratio = try TestRequest.with(["GET \(path) HTTP/1.1"], keepsEncodedSlashes: true) { request in
            #expect(request.target.hasEncodedSlash)
            return CPUTime.ratio(
                of: { _ = large.matchesGuardedRoute(request, otherThan: 5000) },
                to: { _ = small.matchesGuardedRoute(request, otherThan: 50) })
        }
        #expect(ratio < 8)
        #expect(LenientTable.withSlashes(Array("/a%2F%252F%2f%2".utf8)) == Array("/a/%252F%2f%2".utf8))
        let leads = try TestRequest.with(["GET /area7%2FX/y HTTP/1.1"], keepsEncodedSlashes: true) {
            large.matchesGuardedRoute($0, otherThan: 5000)
        }
        #expect(leads)
    }
}
