import MartletCore
import MartletTesting
import NIOCore
import Testing

@testable import Gateway

@Suite struct ProxyTests {
    @Test func forwardsRequestAndResponse() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("GET /api/x?y=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n")
            let server = try await upstream.accept()
            let request = try await server.request()
            #expect(request.startLine == "GET /api/x?y=1 HTTP/1.1")
            #expect(request["host"] == "example.com")
            #expect(request["accept"] == "*/*")
            #expect(request["x-forwarded-for"] == "127.0.0.1")
            #expect(request["x-forwarded-proto"] == "http")
            #expect(request["x-forwarded-host"] == "example.com")
            #expect(request["forwarded"] == "for=127.0.0.1;proto=http;host=\"example.com\"")
            #expect(request["traceparent"]?.count == 55)
            #expect(request["connection"] == nil)
            try await server.send(
                "HTTP/1.1 201 Made\r\nServer: secret\r\nContent-Length: 2\r\nX-A: b\r\nX-Request-ID: other\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nok"
            )
            let response = try await client.response()
            #expect(response.startLine == "HTTP/1.1 201 Made")
            #expect(response.text == "ok")
            #expect(response["x-a"] == "b")
            #expect(response["server"] == nil)
            #expect(response["keep-alive"] == nil)
            #expect(response["connection"] == nil)
            #expect(response["date"] != nil)
            #expect(response.all("x-request-id") == [request["x-request-id"] ?? ""])
            await client.close()
        }
    }

    @Test func reusesTheUpstreamConnectionAcrossClients() async throws {
        try await withProxy(answer: { _ in TestUpstream.ok() }) { gateway, upstream in
            for _ in 0..<5 {
                let text = try await gateway.get("/api/x").text
                #expect(text == "hello")
            }
            #expect(upstream.acceptedCount == 1)
            #expect(
                gateway.metric("gateway_requests_total")?.contains("method=\"GET\",route=\"/api\",status=\"200\"} 5")
                    == true)
        }
    }

    @Test func reachesUnixSockets() async throws {
        let path = "/tmp/" + uniqueName("martlet-gateway-test-") + ".sock"
        let upstream = try await TestUpstream.start(unixPath: path) { TestUpstream.ok($0["host"] ?? "") }
        try await withGateway(endpoint: upstream.endpoint) { gateway in
            let text = try await gateway.get("/api/x").text
            #expect(text == "example.com")
        }
        await upstream.stop()
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        try await withProxy(answer: { TestUpstream.ok($0.startLine) }) { gateway, upstream in
            let client = try await gateway.connect()
            let requests = (0..<20).map { index in
                index % 3 == 0
                    ? "GET /nothing/\(index) HTTP/1.1\r\nHost: a\r\n\r\n"
                    : index % 3 == 1
                        ? "GET /api/\(index) HTTP/1.1\r\nHost: a\r\n\r\n"
                        : "POST /api/\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            }
            try await client.send(requests.joined())
            for index in 0..<20 {
                let response = try await client.response()
                if index % 3 == 0 {
                    #expect(response.status == 404)
                } else {
                    #expect(response.text.contains("/api/\(index) "))
                }
            }
            await client.close()
        }
    }

    @Test func dropsReservedHeaders() async throws {
        try await withProxy(answer: { request in
            TestUpstream.ok(request.headers.map { "\($0.name.lowercased())=\($0.value)" }.joined(separator: "\n"))
        }) { gateway, upstream in
            let spoofed = [
                "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
                "X-Forwarded-Prefix: /evil",
                "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-User-Id: 1", "X_User_Id: 1", "x-USER-roles: admin",
                "X-Request-ID: bad id", "traceparent: 00-bad", "Connection: X-Private, keep-alive", "X-Private: evil",
                "Upgrade: websocket",
            ]
            let text = try await gateway.get("/api/x", headers: spoofed.map { $0 + "\r\n" }.joined()).text
            let names = Set(text.split(separator: "\n").compactMap { $0.split(separator: "=").first.map(String.init) })
            #expect(
                names == [
                    "host", "x-request-id", "traceparent", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
                    "x-real-ip", "forwarded",
                ])
            #expect(!text.contains("6.6.6.6") && !text.contains("evil") && !text.contains("bad"))
        }
    }

    @Test func keepsAValidRequestIDAndContinuesTheTrace() async throws {
        try await withProxy(answer: {
            TestUpstream.ok("\($0["x-request-id"] ?? "") \($0["traceparent"] ?? "")")
        }) { gateway, upstream in
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            let response = try await gateway.get(
                "/api/x", headers: "X-Request-ID: my.id-1\r\ntraceparent: \(parent)\r\n")
            #expect(response["x-request-id"] == "my.id-1")
            let sent = response.text.split(separator: " ").map(String.init)
            #expect(sent[0] == "my.id-1")
            #expect(sent[1].hasPrefix("00-0af7651916cd43dd8448eb211c80319c-"))
            #expect(sent[1].hasSuffix("-01"))
            #expect(sent[1] != parent)
        }
    }

    @Test func trustsAndExtendsForwardedHeadersOfTrustedProxies() async throws {
        try await withProxy(
            answer: { request in
                TestUpstream.ok(
                    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-user-id"].map {
                        request[$0] ?? "-"
                    }.joined(separator: "|"))
            }, configure: { $0.trustedProxies = [AddressRange("127.0.0.0/8")].compactMap { $0 } }
        ) { gateway, upstream in
            let headers =
                "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.example\r\nForwarded: for=9.9.9.9\r\nX-User-Id: 1\r\n"
            let text = try await gateway.get("/api/x", headers: headers).text
            #expect(
                text
                    == "9.9.9.9, 127.0.0.1|https|public.example|for=9.9.9.9, for=127.0.0.1;proto=http;host=\"example.com\"|-"
            )
        }
    }

    @Test func absoluteTargetReplacesHost() async throws {
        try await withProxy(answer: { TestUpstream.ok("\($0.startLine) \($0.all("host"))") }) { gateway, upstream in
            let response = try await gateway.exchange(
                "GET http://real.com:81/api/%61?q HTTP/1.1\r\nHost: fake.com\r\n\r\n")
            #expect(response.text == "GET /api/a?q HTTP/1.1 [\"real.com:81\"]")
        }
    }

    @Test func sendsChunkedBodiesBothWays() async throws {
        try await withProxy(answer: { request in
            let size = String(request.body.count, radix: 16)
            return
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n\(size);ext=1\r\n\(request.text)\r\n0\r\nX: y\r\n\r\n"
        }) { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await client.send("4;x=y\r\ndefg\r\n0\r\nT: v\r\n\r\n")
            let response = try await client.response()
            #expect(response.text == "abcdefg")
            #expect(response["trailer"] == nil)
            try await client.send("GET /api/y HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try? await client.response()
            await client.close()
        }
    }

    @Test func answersHEADWithoutABody() async throws {
        try await withProxy(answer: { _ in "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" }) { gateway, upstream in
            let client = try await gateway.connect()
            for _ in 0..<2 {
                try await client.send("HEAD /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.response(toHead: true)["content-length"] == "5")
            }
            #expect(upstream.acceptedCount == 1)
            await client.close()
        }
    }

    @Test func speaksHTTP10() async throws {
        try await withProxy(answer: { request in
            request.startLine.contains("/plain")
                ? TestUpstream.ok(request["host"] ?? "")
                : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        }) { gateway, upstream in
            let kept = try await gateway.connect()
            for _ in 0..<2 {
                try await kept.send("GET /api/plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let response = try await kept.response()
                #expect(response["connection"] == "keep-alive")
                #expect(response.text.hasPrefix("127.0.0.1:"))
            }
            await kept.close()
            // An HTTP/1.0 client does not support chunks, so the body ends with the connection.
            let closed = try await gateway.connect()
            try await closed.send("GET /api/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let response = try await closed.response()
            #expect(response["connection"] == "close")
            #expect(response["transfer-encoding"] == nil)
            #expect(response.text == "ok")
        }
    }

    @Test func forwardsExpectContinue() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send(
                "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            let server = try await upstream.accept()
            #expect(try await server.receive(until: "\r\n\r\n").contains("Expect: 100-continue\r\n"))
            try await server.send("HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try await client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try await client.send("hello")
            #expect(try await server.receive(until: "hello") == "hello")
            try await server.send(TestUpstream.ok())
            let response = try await client.response()
            #expect(response.text == "hello")
            #expect(response["connection"] == nil)
            await client.close()
        }
    }

    @Test func earlyResponseClosesTheConnection() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart")
            let server = try await upstream.accept()
            _ = try await server.receive(until: "start")
            try await server.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
            let response = try await client.response()
            #expect(response.status == 401)
            #expect(response["connection"] == "close")
            try await client.send("more of the body")
            try await client.untilClosed()
            try await server.untilClosed()
            await client.close()
        }
    }

    @Test func closeDelimitedResponsesBecomeChunked() async throws {
        try await withProxy { gateway, upstream in
            let (client, server) = try await gateway.begin("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n", at: upstream)
            try await server.send("HTTP/1.0 200 OK\r\n\r\npart1 ")
            try await server.send("part2")
            await server.close()
            let response = try await client.response()
            #expect(response.isChunked)
            #expect(response.text == "part1 part2")
            #expect(response["connection"] == nil)
            await client.close()
        }
    }

    @Test func streamsResponses() async throws {
        try await withProxy { gateway, upstream in
            let client = try await gateway.connect()
            try await client.send("POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            let server = try await upstream.accept()
            _ = try await server.receive(until: "abc")
            try await client.send("3\r\ndef\r\n0\r\n\r\n")
            _ = try await server.receive(until: "def")
            try await server.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
            )
            _ = try await client.receive(until: "first")
            try await server.send("6\r\nsecond\r\n")
            _ = try await client.receive(until: "second")
            try await server.send("0\r\n\r\n")
            _ = try await client.receive(until: "0\r\n\r\n")
            await client.close()
        }
    }

    @Test func answersOPTIONSAsterisk() async throws {
        try await withGateway { gateway in
            let response = try await gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(response.status == 204)
            #expect(response["allow"]?.contains("GET") == true)
        }
    }
}
