import NIOCore
import Synchronization
import Testing

@testable import Gateway

/// Irregular responses according to RFC 9111 and RFC 9110 §6.6.1.
@Suite struct CacheConformanceTests {
    private func fields(_ lines: [String], received: Int64? = nil) -> CacheFields {
        Array(lines.map { "\($0)\r\n" }.joined().utf8).withUnsafeBytes {
            CacheFields($0, headers: ByteRange(0, $0.count), status: 200, received: received)
        }
    }

    @Test(arguments: [
        (["Age: 7200, 0"], 7200), (["Age: 0, 7200"], 0), (["Age: 7200", "Age: 0"], 7200), (["Age: x, 7200"], 0),
        (["Age: -1"], 0), (["Age: 1.5"], 0), (["Age: 60"], 60), (["Age:"], 0),
    ])
    func usesTheFirstOfSeveralAges(_ lines: [String], _ age: Int) {
        #expect(fields(lines).age == Int64(age))
    }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ])
    func readsTheThreeFormsOfDates(_ text: String) {
        #expect(HTTPDate.parse(text) == 784_111_777)
    }

    @Test(arguments: [
        "0", "-1", "never", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 31 Feb 2030 08:49:37 GMT", "Sun, 06 Nov 2030 8:49:37 GMT",
        "Sun, 06 Nov 2030 08:49 GMT", "Sun 06 Nov 2030 08:49:37 GMT", "Xxx, 06 Nov 2030 08:49:37 GMT",
        "Sun, 06-Nov-2030 08:49:37 GMT", "Sun, 06 Nov 2030 08:49:37 GMT, Sun, 06 Nov 2030 08:49:37 GMT",
        "Sun,  06 Nov 2030 08:49:37 GMT", "Sun, 06 Nov 2030 24:00:00 GMT", "Sun Nov 6 08:49:37 2030",
        "Sun, 29 Feb 2031 08:49:37 GMT", "Sun, 06 Nov 2030 08:49:37 GMT\u{301}",
    ])
    func invalidDateHasExpired(_ text: String) {
        #expect(HTTPDate.parse(text) == nil)
        let answer = fields(["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Expires: \(text)"])
        #expect(CacheRules().lifetime(of: answer) == 0)
    }

    @Test func usesTheFirstOfSeveralExpires() {
        let answer = fields([
            "Date: Sun, 06 Nov 1994 08:49:37 GMT", "Expires: 0", "Expires: Sun, 06 Nov 1994 09:49:37 GMT",
        ])
        #expect(CacheRules().lifetime(of: answer) == 0)
    }

    /// The time of arrival serves as its date.
    @Test func responseWithoutDateCanExpire() {
        for date in [[], ["Date: yesterday"]] {
            let answer = fields(date + ["Expires: Sun, 06 Nov 1994 08:50:37 GMT"], received: 784_111_777)
            #expect(CacheRules().lifetime(of: answer) == 60)
            #expect(CacheRules().mayStore(answer, request: CacheControl(), isIdentified: false))
        }
    }

    @Test func storesExpiresWithoutDate() async throws {
        let count = Mutex(0)
        try await withProxy(
            answer: { _ in
                count.withLock { $0 += 1 }
                return TestUpstream.ok(headers: "Expires: Fri, 31 Dec 2099 23:59:59 GMT\r\n")
            }, configure: { $0.routes[0].cache = .init() }
        ) { gateway, upstream in
            _ = try await gateway.get("/api/x")
            let answer = try await gateway.get("/api/x")
            #expect(answer["cache-status"]?.hasPrefix("martlet; hit") == true)
            #expect(count.withLock { $0 } == 1)
        }
    }

    @Test(arguments: [
        (["ETag: \"1\""], ["ETag: \"1\""], true), (["ETag: \"1\""], ["ETag: \"2\""], false),
        (["ETag: W/\"1\""], ["ETag: \"1\""], false), (["ETag: \"1\""], ["ETag: W/\"1\""], true),
        (["ETag: W/\"1\""], ["ETag: W/\"2\""], false), (["ETag: \"1\""], [], true),
        ([], ["ETag: \"1\""], false), (["Last-Modified: a"], ["Last-Modified: a"], true),
        (["Last-Modified: a"], ["Last-Modified: b"], false),
    ])
    func notModifiedConfirmsTheNamedResponse(_ kept: [String], _ answer: [String], _ expected: Bool) {
        #expect(fields(answer).confirms(fields(kept)) == expected)
    }

    /// The client gets the current response, not the old one.
    @Test func notModifiedWithAnotherTagIsIgnored() async throws {
        let requests = Mutex<[String?]>([])
        try await withProxy(
            answer: { request in
                let number = requests.withLock {
                    $0.append(request["if-none-match"])
                    return $0.count
                }
                switch number {
                case 1:
                    return TestUpstream.ok("old", headers: "Cache-Control: max-age=60\r\nAge: 60\r\nETag: \"1\"\r\n")
                case 2: return "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"2\"\r\n\r\n"
                default: return TestUpstream.ok("new", headers: "Cache-Control: max-age=60\r\nETag: \"2\"\r\n")
                }
            }, configure: { $0.routes[0].cache = .init() }
        ) { gateway, upstream in
            var texts: [String] = []
            for _ in 0..<3 { texts.append(try await gateway.get("/api/x").text) }
            #expect(texts == ["old", "new", "new"])
            #expect(requests.withLock { $0 } == [nil, "\"1\"", nil])
        }
    }

    /// Each name costs a look at every field of every request.
    @Test func doesNotStoreExcessiveVary() {
        let names = (0..<CacheFields.maximumVary).map { "x-\($0)" }.joined(separator: ", ")
        #expect(!fields(["Vary: \(names), X-0, x-1"]).variesByEverything)
        #expect(fields(["Vary: \(names)", "Vary: x-more"]).variesByEverything)
        #expect(fields(["Vary: " + String(repeating: "a,", count: 8000)]).vary.count == 1)
    }
}
