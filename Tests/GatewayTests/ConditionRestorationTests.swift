import NIOCore
import Testing

@testable import Gateway

/// Tags weakened by compression are restored in conditions sent to the service.
@Suite struct ConditionRestorationTests {
    private func restored(_ fields: [String], isCached: Bool = false) throws -> [String] {
        try TestRequest.with(TestRequest.fields(fields)) { request in
            var rules = HeaderRules()
            ConditionRestoration(isCached: isCached).restore(request, &rules)
            return String(decoding: rules.lines, as: UTF8.self).split(separator: "\r\n").map(String.init)
        }
    }

    @Test func weakTagsGoUpstreamInBothForms() throws {
        #expect(try restored(["If-Match: W/\"a\""]) == ["If-Match: W/\"a\", \"a\""])
        #expect(
            try restored(["If-None-Match: \"x\", W/\"a,b\"", "if-none-match: W/\"c\""])
                == ["If-None-Match: \"x\", W/\"a,b\", \"a,b\", W/\"c\", \"c\""])
        for untouched in ["If-Match: \"a\"", "If-Match: *", "If-None-Match: W/a", "If-None-Match: W/\"a", "X: W/\"a\""]
        {
            #expect(try restored([untouched]).isEmpty)
        }
        // The cache sends its own conditions for stored responses.
        #expect(try restored(["If-None-Match: W/\"a\""], isCached: true).isEmpty)
        #expect(try restored(["If-Match: W/\"a\""], isCached: true) == ["If-Match: W/\"a\", \"a\""])
        // A part of the compressed content does not fit the uncompressed content.
        #expect(try restored(["If-Range: W/\"a\""]).isEmpty)
    }

    @Test func writesAListAtMostTwice() throws {
        let list = String(repeating: "W/\"a\",", count: 5000)
        let lines = try restored(["If-None-Match: \(list)"])
        #expect(lines.first?.utf8.count ?? 0 <= 3 * list.utf8.count)
    }

    @Test func acceptsConditionsOnCompressedVariants() async throws {
        let text = String(repeating: "a text that pays. ", count: 200)
        try await withProxy(answer: { request in
            if request.startLine.hasPrefix("GET"), request["if-none-match"]?.contains(", \"v1\"") == true {
                return "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n"
            }
            guard request.startLine.hasPrefix("PUT") else {
                return TestUpstream.ok(text, headers: "Content-Type: text/plain\r\nETag: \"v1\"\r\n")
            }
            let matches = request["if-match"]?.split(separator: ",").contains { $0.drop { $0 == " " } == "\"v1\"" }
            return matches == true
                ? TestUpstream.ok("changed") : "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"
        }) { configuration in
            configuration.routes[0].policies.compression = .init()
        } _: { gateway, upstream in
            let answer = try await gateway.get("/api/x", headers: "Accept-Encoding: gzip\r\n")
            let tag = try #require(answer["etag"])
            #expect(tag == "W/\"v1\"")
            let changed = try await gateway.exchange(
                "PUT /api/x HTTP/1.1\r\nHost: a\r\nIf-Match: \(tag)\r\nContent-Length: 0\r\n\r\n")
            #expect(changed.status == 200)
            let stale = try await gateway.exchange(
                "PUT /api/x HTTP/1.1\r\nHost: a\r\nIf-Match: W/\"v0\"\r\nContent-Length: 0\r\n\r\n")
            #expect(stale.status == 412)
            let known = try await gateway.get(
                "/api/x", headers: "Accept-Encoding: gzip\r\nIf-None-Match: \(tag)\r\n")
            #expect(known.status == 304)
            #expect(known["etag"] == tag)
        }
    }
}
