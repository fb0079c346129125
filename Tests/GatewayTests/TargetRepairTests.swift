import NIOCore
import Testing

@testable import Gateway

@Suite struct TargetRepairTests {
    private func repaired(_ target: String) -> String? {
        Array(target.utf8).withUnsafeBytes { TargetRepair.repaired($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("/x?q=100%", "/x?q=100%25"), ("/x?q=%4&r=%zz", "/x?q=%254&r=%25zz"), ("/x?q=%%41", "/x?q=%25%41"),
        ("/a|b^c", "/a%7Cb%5Ec"), ("/[a]{b}", "/%5Ba%5D%7Bb%7D"), ("/x?search=\u{8336}", "/x?search=%E8%8C%B6"),
        ("/caf\u{e9}", "/caf%C3%A9"), ("/x?a=\"<b>", "/x?a=%22%3Cb%3E"),
    ])
    func encodesCommonUnencodedCharacters(_ target: String, _ expected: String) {
        #expect(repaired(target) == expected)
    }

    @Test(arguments: ["/x", "/x?q=%41|^", "/100%25", "/%zz", "/a b", "/a\\b", "/a#b", "/../a"])
    func leavesEverythingElseUnchanged(_ target: String) {
        #expect(repaired(target) == nil)
    }

    private static let echo: @Sendable (TestMessage) -> String = { TestUpstream.ok($0.startLine) }

    @Test(arguments: [
        ("/api/x?q=100%", "/api/x?q=100%25"), ("/api/a|b?c|d", "/api/a%7Cb?c|d"),
        ("/api/x?search=\u{8336}", "/api/x?search=%E8%8C%B6"), ("/api/\u{8336}", "/api/%E8%8C%B6"),
    ])
    func forwardsOneForm(_ target: String, _ expected: String) async throws {
        try await withProxy(answer: Self.echo) { gateway, upstream in
            #expect(try await gateway.get(target).text == "GET \(expected) HTTP/1.1")
            let client = try await TestHTTP2Client.connect(gateway)
            try await client.request(1, TestHTTP2Client.fields("GET", target))
            #expect(try await client.response(1).text == "GET \(expected) HTTP/1.1")
            await client.close()
        }
    }

    @Test(arguments: ["/api/\u{8336}/../x", "/api//|", "/api/%", "/api/|#x", "/api/..;|/x/../y"])
    func ambiguousTargetsAreStillRefused(_ target: String) async throws {
        try await withProxy(answer: Self.echo) { gateway, upstream in
            let response = try await gateway.get(target)
            #expect(response.status == 400)
        }
    }

    @Test func repairedTargetsAreHeldToTheSameLimit() async throws {
        try await withGateway { gateway in
            let response = try await gateway.get("/" + String(repeating: "\u{8336}", count: 2000))
            #expect(response.status == 414)
        }
    }

    @Test func leadingZerosOfContentLengthAreDropped() async throws {
        try await withProxy(answer: { request in
            let lengths = request.all("content-length").joined(separator: ",")
            return "HTTP/1.1 200 OK\r\nContent-Length: 00\(lengths.utf8.count)\r\n\r\n\(lengths)"
        }) { gateway, upstream in
            for (sent, expected) in [("010", "10"), ("0010", "10"), ("10", "10")] {
                let response = try await gateway.exchange(
                    "POST /api HTTP/1.1\r\nHost: a\r\nX-A: b\r\nContent-Length: \(sent)\r\n\r\n0123456789")
                #expect(response.text == expected)
                #expect(response["content-length"] == "2")
                let client = try await TestHTTP2Client.connect(gateway)
                try await client.request(
                    1, TestHTTP2Client.fields("POST") + [("content-length", sent)], endsStream: false)
                try await client.data(1, Array("0123456789".utf8))
                let other = try await client.response(1)
                #expect(other.text == expected && other["content-length"] == "2")
                await client.close()
            }
        }
    }
}
