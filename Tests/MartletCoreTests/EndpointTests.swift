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
    func refusesWhatIsNoAddress(text: String) {
        #expect(throws: Endpoint.ParseError.self) { try Endpoint(text) }
    }
}
