import MartletCore
import NIOCore
import Testing

@testable import Gateway

@Suite struct FailureTests {
    /// Refuses connections. A recently closed port may already belong to another test.
    private static let dead = Endpoint.unix(path: "/nonexistent/martlet.sock")

    private func isProblem(_ response: TestMessage, _ status: Int) -> Bool {
        response.status == status && response["content-type"] == "application/problem+json"
            && response.text.contains("\"status\":\(status)")
            && response.text.contains("\"request_id\":\"\(response["x-request-id"] ?? "?")\"")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /a//b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /\r\n\r\n", 400),
        ("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505), ("PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}", 400),
    ])
    func rejectsBadRequestsAndCloses(_ request: String, _ status: Int) async throws {
        try await withGateway(endpoint: .tcp(host: "127.0.0.1", port: 1)) { gateway in
            let client = try await gateway.connect()
            try await client.send(request)
            #expect(try await isProblem(client.response(), status))
            if !request.contains("/a//b") && !request.contains("%2e") { try await client.untilClosed() }
            await client.close()
        }
    }

    @Test func limitsRequestHeads() async throws {
        try await withGateway { gateway in
            let longTarget = try await gateway.get("/" + String(repeating: "a", count: 9000))
            #expect(isProblem(longTarget, 414))
            let longHeader = try await gateway.get("/", headers: "A: " + String(repeating: "a", count: 40_000) + "\r\n")
            #expect(isProblem(longHeader, 431))
            let manyHeaders = try await gateway.get("/", headers: String(repeating: "A: b\r\n", count: 101))
            #expect(isProblem(manyHeaders, 431))
        }
    }

    @Test func limitsRequestBodies() async throws {
        try await withProxy(configure: { $0.limits.requestBody = 10 }) { gateway, upstream in
            let declared = try await gateway.exchange(
                "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
            #expect(isProblem(declared, 413))
            #expect(upstream.acceptedCount == 0)
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            let server = try await upstream.accept()
            _ = try await server.receive(until: "hello")
            try await client.send("6\r\n world\r\n0\r\n\r\n")
            #expect(try await isProblem(client.response(), 413))
            // The upstream sees that the body is incomplete.
            let rest = try await server.untilClosed()
            #expect(!rest.contains("0\r\n\r\n"))
            await client.close()
        }
    }

    @Test func malformedChunkIs400() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            let server = try await upstream.accept()
            try await client.send("FFFFFFFFFFFFFFFF\r\n")
            #expect(try await isProblem(client.response(), 400))
            try await server.untilClosed()
            await client.close()
        }
    }

    @Test func failedConnectsFreeTheirPoolSlot() async throws {
        try await withProxy(
            answer: { _ in TestUpstream.ok() },
            configure: {
                $0.upstreams[0].maximumConnections = 1
                $0.timeouts.connect = .seconds(2)
            }
        ) { gateway, upstream in
            for _ in 0..<5 {
                // The invalid body is rejected as soon as the connection is open, which closes it at once.
                let refused = try await gateway.exchange(
                    "POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
                #expect(isProblem(refused, 400))
            }
            let response = try await gateway.get("/api/x")
            #expect(response.text == "hello")
        }
    }

    @Test func unknownAPIPathsAreProblems() async throws {
        try await withGateway { gateway in
            let response = try await gateway.get("/api/none?secret=1")
            #expect(isProblem(response, 404))
            #expect(response.text.contains("\"instance\":\"/api/none\""))
        }
    }

    @Test func unreachableUpstreamIs502() async throws {
        try await withGateway(endpoint: Self.dead) { gateway in
            let response = try await gateway.get("/api/x")
            #expect(isProblem(response, 502))
            #expect(gateway.metric("gateway_upstream_connect_errors_total{upstream=\"test\"}")?.hasSuffix(" 1") == true)
        }
    }

    @Test func skipsARefusingEndpoint() async throws {
        let upstream = try await TestUpstream.start { _ in TestUpstream.ok() }
        try await withGateway(
            endpoint: Self.dead, configure: { $0.upstreams[0].endpoints.append(upstream.endpoint) }
        ) { gateway in
            let text = try await gateway.get("/api/x").text
            #expect(text == "hello")
        }
        await upstream.stop()
    }

    @Test(arguments: [
        "", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
    ])
    func malformedResponseIs502(_ answer: String) async throws {
        try await withProxy { gateway, upstream in
            let (client, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            if !answer.isEmpty { try await server.send(answer) }
            await server.close()
            #expect(try await isProblem(client.response(), 502))
            await client.close()
        }
    }

    @Test func truncatedResponseIsVisibleToTheClient() async throws {
        try await withProxy { gateway, upstream in
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
            ] {
                let (client, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
                try await server.send(answer)
                _ = try await client.receive(until: "short")
                await server.close()
                let rest = try await client.untilClosed()
                #expect(!rest.contains("0\r\n\r\n"))
            }
        }
    }

    @Test func staleConnectionIsRetriedOnceForGETAndNeverForPOST() async throws {
        try await withProxy { gateway, upstream in
            for (method, isRetried) in [("GET", true), ("POST", false)] {
                let (client, server) = try await gateway.begin(
                    "GET /api/first HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
                try await server.send(TestUpstream.ok())
                _ = try await client.response()
                let before = upstream.acceptedCount
                try await client.send("\(method) /api/second HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await server.request()
                await server.close()
                if isRetried {
                    let second = try await upstream.accept()
                    #expect(try await second.request().startLine.contains("/api/second"))
                    await second.close()
                }
                // The client gets the second failure.
                #expect(try await isProblem(client.response(), 502))
                #expect(upstream.acceptedCount == before + (isRetried ? 1 : 0))
                await client.close()
            }
        }
    }

    @Test func closedIdleConnectionIsNotReused() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            for _ in 0..<2 {
                try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                let server = try await upstream.accept()
                _ = try await server.request()
                try await server.send(TestUpstream.ok())
                _ = try await client.response()
                // The gateway closes its side once it notices.
                await server.close()
            }
            await client.close()
        }
    }

    @Test func slowUpstreamIs504() async throws {
        try await withProxy(configure: { $0.timeouts.firstByte = .milliseconds(50) }) {
            gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let server = try await upstream.accept()
            #expect(try await isProblem(client.response(), 504))
            try await server.untilClosed()
            await client.close()
        }
    }

    @Test func stalledResponseIsCutOff() async throws {
        try await withProxy(configure: { $0.timeouts.responseBody = .milliseconds(50) }) { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let server = try await upstream.accept()
            try await server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            _ = try await client.receive(until: "abc")
            try await client.untilClosed()
        }
    }

    @Test func slowRequestsAre408() async throws {
        try await withProxy(configure: {
            $0.timeouts.requestHead = .milliseconds(300)
            $0.timeouts.requestBody = .milliseconds(200)
        }) { gateway, upstream in
            for request in [
                "GET / HTT", "GET /api/x HTTP/1.1\r\nHost: a\r\n",
                "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
            ] {
                let client = try await gateway.connect()
                try await client.send(request)
                #expect(try await isProblem(client.response(), 408))
                try await client.untilClosed()
            }
            // A connection without a request gets no response.
            #expect(try await gateway.connect().untilClosed() == "")
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        try await withGateway(configure: { $0.timeouts.keepAlive = .milliseconds(50) }) { gateway in
            let client = try await gateway.connect()
            try await client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.response().status == 404)
            try await client.untilClosed()
        }
    }

    @Test func fullQueueIs503AndWaitersAreServed() async throws {
        try await withProxy(configure: {
            $0.upstreams[0].maximumConnections = 1
            $0.upstreams[0].maximumWaiting = 1
            $0.timeouts.connect = .seconds(30)
        }) { gateway, upstream in
            let (first, server) = try await gateway.begin("GET /api/1 HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            // Of two more, the first waits, and the other finds the queue full.
            let others = [try await gateway.connect(), try await gateway.connect()]
            let answers = try await withThrowingTaskGroup(of: TestMessage.self) { group in
                for other in others {
                    group.addTask {
                        try await other.send("GET /api/2 HTTP/1.1\r\nHost: a\r\n\r\n")
                        return try await other.response()
                    }
                }
                let refused = try await group.next()
                try await server.send(TestUpstream.ok("one"))
                _ = try await server.request()
                try await server.send(TestUpstream.ok("two"))
                return [refused, try await group.next()]
            }
            let refused = try #require(answers[0])
            #expect(isProblem(refused, 503))
            #expect(refused["retry-after"] == "1")
            #expect(answers[1]?.text == "two")
            let served = try await first.response()
            #expect(served.text == "one")
            for client in others + [first] { await client.close() }
        }
    }

    @Test func queueTimeoutIs503() async throws {
        try await withProxy(configure: {
            $0.upstreams[0].maximumConnections = 1
            $0.timeouts.connect = .milliseconds(300)
        }) { gateway, upstream in
            let first = try await gateway.connect()
            try await first.send("GET /api/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await upstream.accept().request()
            let second = try await gateway.get("/api/2")
            #expect(isProblem(second, 503))
            await first.close()
        }
    }

    @Test func clientDisconnectClosesTheUpstreamConnection() async throws {
        try await withProxy { gateway, upstream in
            for request in [
                "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\npart",
                "GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n",
            ] {
                let client = try await gateway.connect()
                try await client.send(request)
                let server = try await upstream.accept()
                _ = try await server.receive(until: "\r\n\r\n")
                await client.close()
                try await server.untilClosed()
            }
        }
    }
}
