import Testing

@testable import Gateway

private struct Parsed: Equatable {
    var path: String
    var query = ""
    var authority: String?
}

private func parse(_ text: String, _ method: RequestMethod = .get) -> Result<Parsed, HTTPError> {
    let bytes = Array(text.utf8)
    func part(_ range: ByteRange) -> String { String(decoding: bytes[range.start..<range.end], as: UTF8.self) }
    return bytes.withUnsafeBytes { raw in
        do throws(HTTPError) {
            let target = try RequestTarget(raw, ByteRange(0, bytes.count), method: method)
            let path = target.rewrittenPath.map { String(decoding: $0, as: UTF8.self) } ?? part(target.path)
            return .success(Parsed(path: path, query: part(target.query), authority: target.authority.map(part)))
        } catch { return .failure(error) }
    }
}

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/", Parsed(path: "/")),
        ("/a/b/", Parsed(path: "/a/b/")),
        ("/a?b=/../c%2f&d=[1]{x}|", Parsed(path: "/a", query: "?b=/../c%2f&d=[1]{x}|")),
        ("/a?", Parsed(path: "/a", query: "?")),
        ("/%41%7e", Parsed(path: "/A~")),
        ("/caf%c3%a9%20x?y", Parsed(path: "/caf%C3%A9%20x", query: "?y")),
        ("/100%25", Parsed(path: "/100%25")),
        ("/a.b/...", Parsed(path: "/a.b/...")),
        ("/.well-known/jwks.json", Parsed(path: "/.well-known/jwks.json")),
        ("/a;b=c/d:e@f!$&'()*+,;=", Parsed(path: "/a;b=c/d:e@f!$&'()*+,;=")),
        ("http://other.com/x?y", Parsed(path: "/x", query: "?y", authority: "other.com")),
        ("HTTPS://other.com:8443", Parsed(path: "/", authority: "other.com:8443")),
        ("http://[::1]:80?q", Parsed(path: "/", query: "?q", authority: "[::1]:80")),
    ])
    fileprivate func acceptsAndNormalises(_ text: String, _ expected: Parsed) {
        #expect(parse(text) == .success(expected))
    }

    @Test(arguments: [
        "", "a", "*", "//", "//a", "/a//b", "/.", "/..", "/./a", "/../a", "/a/..", "/a/../b", "/a/./b", "/a/..;x/b",
        "/.;/a",
        "/%2e%2e/a", "/a/%2E/b", "/a/.%2e/b", "/a%2fb", "/%25%32%65%25%32%65/a",
        "/%252%65/a", "/%25%32e", "/;/a", "/a/;x/b", "/%3b/a", "/a/%3Bx", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00",
        "/%0d%0aX:y", "/%7f",
        "/%252e%252e/a", "/a%252fb", "/%", "/%4", "/%zz", "/a%4", "/a#b", "/a?b#c", "/a?b%zz", "/a?b%4", "/a b",
        "/a\"b",
        "/<a>", "/{a}", "/a^b", "/a`b", "/a|b", "/[a]", "/\u{e9}", "/a?b\"c", "/a?<", "/a?\u{e9}", "/a\u{1}",
        "/a?\u{7f}",
        "http://", "http:///a", "http://u@h/a", "http://u:p@h/a", "http://h:99999/", "ftp://h/a", "h:443", "http:/a",
        "http://h\\a/b", "http://a/../b", "/a/..%3Bx", "/a/%2e%2e%3bx", "?a",
    ])
    func refuses(_ text: String) {
        #expect(parse(text) == .failure(.invalidTarget))
    }

    @Test func allowsTheAsteriskForOptionsOnly() {
        #expect(parse("*", .options) == .success(Parsed(path: "*")))
        #expect(parse("http://h", .options) == .success(Parsed(path: "*", authority: "h")))
        #expect(parse("*", .post) == .failure(.invalidTarget))
    }
}

@Suite struct ASCIISetTests {
    private static let alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

    private static let sets: [(ASCIISet, String)] = [
        (ASCIISet.token, alphanumeric + "!#$%&'*+-.^_`|~"),
        (ASCIISet.pathCharacter, alphanumeric + "-._~!$&'()*+,;=:@"),
        (ASCIISet.encodedInPath, "\"<>[]^`{|}"),
        (ASCIISet.encodedInQuery, "\"<>"),
        (ASCIISet.unreserved, alphanumeric + "-._~"),
        (ASCIISet.requestID, alphanumeric + "-._"),
        (ASCIISet.addressLiteral, "0123456789abcdefABCDEF:."),
        (ASCIISet.shortHuffmanCode, alphanumeric + " %&*,-./:;=_"),
        (ASCIISet.queryCharacter, alphanumeric + "-._~!$&'()*+,;=:@/?[]{}|\\^`"),
    ]

    @Test(arguments: sets)
    func holdsExactlyTheListedCharacters(_ set: ASCIISet, _ characters: String) {
        for byte in UInt8.min...UInt8.max { #expect(set.contains(byte) == characters.utf8.contains(byte)) }
    }
}

@Suite struct RouteTableTests {
    private func match(_ table: RouteTable, _ path: String) -> Int? {
        Array(path.utf8).withUnsafeBytes { table.match($0) { _ in true } }
    }

    private func table(_ matches: [GatewayConfiguration.RouteRule.Match]) throws -> RouteTable {
        RouteTable(try matches.map { try RouteKey($0) })
    }

    @Test func prefersExactThenTheLongestPrefix() throws {
        let table = try table([
            .prefix("/api/users"), .prefix("/api/users/admin"), .exact("/api/users"), .exact("/health"), .prefix("/x/"),
        ])
        #expect(match(table, "/api/users") == 2)
        #expect(match(table, "/api/users/") == 2)
        #expect(match(table, "/api/users/1") == 0)
        #expect(match(table, "/api/users/admin/1") == 1)
        #expect(match(table, "/api/users/administrator") == 0)
        #expect(match(table, "/api/users2") == nil)
        #expect(match(table, "/api") == nil)
        #expect(match(table, "/") == nil)
        #expect(match(table, "/health") == 3)
        #expect(match(table, "/health/live") == nil)
        #expect(match(table, "/x") == 4)
        #expect(match(table, "/API/users") == nil)
        #expect(match(table, "/api;x/users") == nil)
        #expect(match(table, "") == nil)
    }

    @Test func rootPrefixMatchesEverything() throws {
        let table = try table([.prefix("/"), .prefix("/a")])
        #expect(match(table, "/") == 0)
        #expect(match(table, "/b/c") == 0)
        #expect(match(table, "/a/c") == 1)
    }

    @Test func findsEveryOneOfManyRoutes() throws {
        let paths = (0..<10_000).map { "/api/service\($0)/items" }
        let table = try table(paths.map { .prefix($0) })
        for (index, path) in paths.enumerated() { #expect(match(table, path + "/1") == index) }
    }

    @Test(arguments: ["", "api", "/a/../b", "/a//b", "/a?b", "/%41", "/a b"])
    func refusesPathsThatCannotMatch(_ path: String) {
        #expect(throws: GatewayError.self) { _ = try table([.prefix(path)]) }
    }

    @Test func prefersTheMoreSpecificTemplate() throws {
        let table = try table([
            .prefix("/api"), .template("/api/{id}"), .template("/api/{id}/{part}"), .template("/api/{id}/stock"),
        ])
        func match(_ path: String) -> Int? {
            Array(path.utf8).withUnsafeBytes { bytes in
                table.match(bytes) { index in
                    let patterns = ["", "/api/{id}", "/api/{id}/{part}", "/api/{id}/stock"]
                    guard index > 0, let key = try? RouteKey(.template(patterns[index])) else { return true }
                    return key.pattern?.matches(bytes, from: key.path.count) ?? true
                }
            }
        }
        #expect(match("/api/7") == 1)
        #expect(match("/api/7/") == 1)
        #expect(match("/api/7/stock") == 3)
        #expect(match("/api/7/price") == 2)
        #expect(match("/api/7/price/x") == 0)
        #expect(match("/api") == 0)
        #expect(match("/api/") == 0)
    }
}
