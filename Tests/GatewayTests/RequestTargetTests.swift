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
        "/%2e%2e/a", "/a/%2E/b", "/a/.%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/%0d%0aX:y", "/%7f",
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

    @Test(arguments: [
        (ASCIISet.token, alphanumeric + "!#$%&'*+-.^_`|~"),
        (ASCIISet.pathCharacter, alphanumeric + "-._~!$&'()*+,;=:@"),
        (ASCIISet.unreserved, alphanumeric + "-._~"),
        (ASCIISet.requestID, alphanumeric + "-._"),
        (ASCIISet.addressLiteral, "0123456789abcdefABCDEF:."),
        (ASCIISet.queryCharacter, alphanumeric + "-._~!$&'()*+,;=:@/?[]{}|\\^`"),
    ])
    func holdsExactlyTheListedCharacters(_ set: ASCIISet, _ characters: String) {
        for byte in UInt8.min...UInt8.max { #expect(set.contains(byte) == characters.utf8.contains(byte)) }
    }
}

@Suite struct RouteTableTests {
    private func match(_ table: RouteTable, _ path: String) -> Int? {
        Array(path.utf8).withUnsafeBytes { table.match($0) }
    }

    @Test func prefersExactThenTheLongestPrefixAtASegmentsEnd() throws {
        let table = try RouteTable([
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

    @Test func theRootPrefixMatchesEverything() throws {
        let table = try RouteTable([.prefix("/"), .prefix("/a")])
        #expect(match(table, "/") == 0)
        #expect(match(table, "/b/c") == 0)
        #expect(match(table, "/a/c") == 1)
    }

    @Test func findsEveryOneOfManyRoutes() throws {
        let paths = (0..<10_000).map { "/api/service\($0)/items" }
        let table = try RouteTable(paths.map { .prefix($0) })
        for (index, path) in paths.enumerated() { #expect(match(table, path + "/1") == index) }
    }

    @Test(arguments: ["", "api", "/a/../b", "/a//b", "/a?b", "/%41", "/a b"])
    func refusesPathsThatCannotMatch(_ path: String) {
        #expect(throws: GatewayError.self) { _ = try RouteTable([.prefix(path)]) }
    }

    @Test func refusesDuplicates() {
        #expect(throws: GatewayError.invalidConfiguration("routes: '/a/' comes twice")) {
            _ = try RouteTable([.prefix("/a"), .prefix("/a/")])
        }
    }
}

@Suite struct AddressRangeTests {
    @Test(arguments: [
        ("10.1.0.0/16", "10.1.255.255", true), ("10.1.0.0/16", "::ffff:10.1.2.3", true),
        ("10.1.0.0/16", "10.2.0.0", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("::/0", "2001::1", true), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("fd00::/8", "10.0.0.1", false),
    ])
    func containsTheAddressesOfItsNetwork(_ range: String, _ address: String, _ expected: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(IPAddress(address))
        #expect(range.contains(address) == expected)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "10.0.0.0/-1", "10.0.0.0/", "1.2.3.4/x"])
    func refusesWhatIsNoRange(_ text: String) { #expect(AddressRange(text) == nil) }

    @Test func describesAddresses() throws {
        #expect(try #require(IPAddress("::ffff:1.2.3.4")).description == "1.2.3.4")
        #expect(try #require(IPAddress("2001:DB8:0::1")).description == "2001:db8::1")
        #expect(try #require(IPAddress("127.9.9.9")).isLoopback)
        #expect(try #require(IPAddress("::1")).isLoopback)
        #expect(try #require(IPAddress("128.0.0.1")).isLoopback == false)
    }
}
