import MartletCore
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://127.0.0.1:80", Endpoint.tcp(host: "127.0.0.1", port: 80)),
        ("localhost:8001", .tcp(host: "localhost", port: 8001)), ("http://[::1]:1/", .tcp(host: "::1", port: 1)),
        ("unix:/run/a.sock", .unix(path: "/run/a.sock")),
    ])
    func readsAddresses(text: String, endpoint: Endpoint) throws {
        #expect(try Endpoint(text) == endpoint)
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", "http://", "host", "host:", "host:x", "host:65536", "host:-1", ":80", "https://a@b:1", "unix:relative",
        "http://a/b:80", "unix:/" + String(repeating: "x", count: 200),
    ])
    func rejectsInvalidAddresses(text: String) {
        #expect(throws: Endpoint.ParseError.self) { try Endpoint(text) }
    }

    @Test(arguments: [
        "http://u:hidden@127.0.0.1:1", "u:hidden@127.0.0.1:1", "http://:hid/hidden@h:1", "http://u:hidden@h",
        "unix:hidden@x",
    ])
    func showsNoPassword(text: String) {
        let error = #expect(throws: Endpoint.ParseError.self) { try Endpoint(text) }
        #expect(error?.description.contains("hidden") == false && error?.description.contains("***@") == true)
        let secure = #expect(throws: Endpoint.ParseError.self) { try Endpoint.url("https://" + text) }
        #expect(secure?.description.contains("hidden") == false)
    }

    @Test func knowsWhetherTLSIsUsed() throws {
        let secure = try Endpoint.url("https://a.example:443")
        #expect(secure.endpoint == .tcp(host: "a.example", port: 443) && secure.isSecure)
        let plain = try Endpoint.url("http://a.example:80/")
        #expect(plain.endpoint == .tcp(host: "a.example", port: 80) && !plain.isSecure)
        #expect(throws: Endpoint.ParseError.self) { try Endpoint.url("https://a.example") }
    }

    @Test(arguments: [
        ("redis://:pa/ss@10.0.0.1:6379/0", "redis://***@10.0.0.1:6379/0"), ("http://u:p@q@h/x", "http://***@h/x"),
        ("u:p@h:1", "***@h:1"), ("http://h/x", "http://h/x"), ("a@b://c", "a@b://c"), ("", ""),
    ])
    func leavesOutUserAndPassword(text: String, shown: String) {
        #expect(text.withoutUserinfo == shown)
    }
}

@Suite struct EndpointMistakeTests {
    @Test(arguments: [
        ("http://h:1/base", "has a path"), ("h:1/base", "has a path"), ("ftp://h:1", "is not an HTTP address"),
        ("https://h:1", "must not use TLS"), ("h", "has no port"), ("http://h:99999", "has no valid port"),
    ])
    func errorsShowTheValidForm(text: String, words: String) {
        let error = #expect(throws: Endpoint.ParseError.self) { try Endpoint(text) }
        #expect(error?.description.contains("'\(text)'") == true && error?.description.contains(words) == true)
    }
}
