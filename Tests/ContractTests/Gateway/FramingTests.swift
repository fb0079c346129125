import MartletCore
import MartletTesting
import Testing

/// Requests whose end is ambiguous (RFC 9112 §6) are rejected, and their connection is closed.
@Suite(.inTurn) struct FramingTests {
    static let host = "Host: example.com\r\n"

    /// Complete requests and the expected responses.
    static let refused: [(String, String, Int)] = [
        (
            "both lengths",
            "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        (
            "two lengths", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            400
        ),
        (
            "one length twice",
            "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400
        ),
        ("a list of lengths", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\nabcde", 400),
        ("a signed length", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: +5\r\n\r\nabcde", 400),
        ("a negative length", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n", 400),
        ("a hexadecimal length", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 0x5\r\n\r\nabcde", 400),
        ("a huge length", "POST /api/products HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n", 400),
        ("an empty length", "POST /api/products HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", 400),
        (
            "another coding", "POST /api/products HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        ("identity", "POST /api/products HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n", 400),
        (
            "an obfuscated coding",
            "POST /api/products HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400
        ),
        (
            "a vertical tab", "POST /api/products HTTP/1.1\r\n\(host)Transfer-Encoding:\u{0B}chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        (
            "chunked twice",
            "POST /api/products HTTP/1.1\r\n\(host)"
                + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        (
            "chunked in HTTP/1.0", "POST /api/products HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        ("a space before the colon", "GET /api/products HTTP/1.1\r\n\(host)Content-Length : 0\r\n\r\n", 400),
        ("a folded line", "GET /api/products HTTP/1.1\r\n\(host)X-A: b\r\n c\r\n\r\n", 400),
        ("a folded first line", "GET /api/products HTTP/1.1\r\n X-A: b\r\n\(host)\r\n", 400),
        ("bare line feeds", "GET /api/products HTTP/1.1\nHost: example.com\n\n", 400),
        ("one bare line feed", "GET /api/products HTTP/1.1\r\n\(host)X-A: b\nX-B: c\r\n\r\n", 400),
        ("a bare carriage return", "GET /api/products HTTP/1.1\r\n\(host)X-A: b\rX-B: c\r\n\r\n", 400),
        ("a NUL in a value", "GET /api/products HTTP/1.1\r\n\(host)X-A: b\0c\r\n\r\n", 400),
        ("no colon", "GET /api/products HTTP/1.1\r\n\(host)X-A\r\n\r\n", 400),
        ("an empty name", "GET /api/products HTTP/1.1\r\n\(host): b\r\n\r\n", 400),
        ("a space in a name", "GET /api/products HTTP/1.1\r\n\(host)X A: b\r\n\r\n", 400),
        ("no host", "GET /api/products HTTP/1.1\r\nX-A: b\r\n\r\n", 400),
        ("two hosts", "GET /api/products HTTP/1.1\r\n\(host)Host: other.example\r\n\r\n", 400),
        ("one host twice", "GET /api/products HTTP/1.1\r\n\(host)\(host)\r\n", 400),
        ("a host that is none", "GET /api/products HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("a user in the host", "GET /api/products HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("no version", "GET /api/products\r\n\(host)\r\n", 400),
        ("a version that is none", "GET /api/products HTTP/1.1x\r\n\(host)\r\n", 400),
        ("HTTP/2 in HTTP/1", "GET /api/products HTTP/2.0\r\n\(host)\r\n", 505),
        ("HTTP/0.9", "GET /api/products HTTP/0.9\r\n\(host)\r\n", 505),
        ("two spaces", "GET  /api/products HTTP/1.1\r\n\(host)\r\n", 400),
        ("a tab", "GET\t/api/products\tHTTP/1.1\r\n\(host)\r\n", 400),
        ("spaces in the target", "GET /api/products /x HTTP/1.1\r\n\(host)\r\n", 400),
        ("a method that is none", "G(T /api/products HTTP/1.1\r\n\(host)\r\n", 400),
        ("a preface that is not HTTP/2's", "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", 400),
        ("a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 501),
        ("a trace", "TRACE /api/products HTTP/1.1\r\n\(host)\r\n", 501),
        (
            "another expectation", "POST /api/products HTTP/1.1\r\n\(host)Expect: 200-ok\r\nContent-Length: 0\r\n\r\n",
            417
        ),
        ("a long target", "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\(host)\r\n", 414),
        (
            "a long query", "GET /api/products?search=\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\(host)\r\n",
            414
        ),
        (
            "a long field",
            "GET /api/products HTTP/1.1\r\n\(host)X-A: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431
        ),
        ("many fields", "GET /api/products HTTP/1.1\r\n\(host)\(String(repeating: "X-A: b\r\n", count: 200))\r\n", 431),
        ("a TLS handshake", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}\u{FC}\u{03}\u{03}\r\n\r\n", 400),
        ("garbage", "\u{01}\u{02}\u{03}\u{04}\r\n\r\n", 400),
    ]

    @Test(arguments: Deployment.allCases)
    func refusesAmbiguityAndClosesTheConnection(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for (name, request, status) in Self.refused {
            // If the connection stayed open, the following request would get a response.
            let answer = try await RawSocket.exchange(
                port: platform.port, request + "GET /health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n")
            #expect(answer.isClosed, "\(name)")
            #expect(answer.statuses == [status], "\(name): \(answer.statuses)")
            if let response = answer.responses.first { expectProblem(response, status, sent: name) }
        }
        #expect(try await platform.api.get("/health/live").status == 200)
    }

    /// The end of such a request is unambiguous, so the connection may stay open.
    @Test(arguments: Deployment.allCases)
    func rejectsInvalidTargets(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for target in [
            "/api/products#x", "api/products", "ftp://example.com/api/products", "example.com:80", "*", "http://",
            "http:///x",
            "http://a b/", "http://user@example.com/api/products",
        ] {
            let answer = try await RawSocket.exchange(
                port: platform.port, "GET \(target) HTTP/1.1\r\n\(Self.host)Connection: close\r\n\r\n")
            #expect(answer.isClosed && answer.responses.count == 1, "\(target)")
            if let response = answer.responses.first { expectProblem(response, 400, sent: target) }
        }
    }

    /// The head is valid, so the service may have received it already. The connection must end.
    @Test(arguments: Deployment.allCases)
    func refusesMalformedChunks(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = try await platform.people.administrator().token
        let head =
            "POST /api/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        for chunks in [
            "z\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n",
            "2\n{}\n0\n\n", "2\r\n{}0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n", "ffffffffffffffffff\r\n{}",
            "2 \r\n{}\r\n0\r\n\r\n",
            "\r\n\r\n", "7fffffffffffffff\r\n{}\r\n0\r\n\r\n", "2;\u{01}\r\n{}\r\n0\r\n\r\n",
        ] {
            let answer = try await RawSocket.exchange(
                port: platform.port, head + chunks + "GET /health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n")
            #expect(answer.isClosed, "\(chunks.debugDescription)")
            #expect(answer.responses.count <= 1, "\(chunks.debugDescription): \(answer.statuses)")
            if let response = answer.responses.first { expectProblem(response, sent: chunks.debugDescription) }
        }
        #expect(try await platform.api.get("/health/ready").status == 200)
    }

    /// Each body hides a second request that would add a product. No product may be added.
    @Test(arguments: Deployment.allCases)
    func preventsRequestSmuggling(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = try await platform.people.administrator().token
        let name = uniqueName("smuggled")
        let body = "{\"name\":\"\(name)\",\"price\":1}"
        let hidden =
            "POST /api/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let length = hidden.utf8.count
        for fields in [
            "Content-Length: \(length + 5)\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            "Content-Length: 0\r\nContent-Length: \(length)\r\n\r\n",
            "Transfer-Encoding : chunked\r\nContent-Length: \(length)\r\n\r\n",
            "Transfer-Encoding:\tchunked\u{0B}\r\nContent-Length: \(length)\r\n\r\n",
            "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: \(length)\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
            // With a correct length, the hidden request remains the body of a sign-in.
            "Connection: close\r\nContent-Type: application/json\r\nContent-Length: \(length)\r\n\r\n",
        ] {
            let outer = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\n" + fields
            let answer = try await RawSocket.exchange(port: platform.port, outer + hidden)
            #expect(answer.isClosed && answer.responses.count == 1, "\(outer): \(answer.statuses)")
            #expect(answer.responses.allSatisfy { (400..<500).contains($0.status) }, "\(outer): \(answer.statuses)")
        }
        #expect(try await platform.api.get(Products.path + query(["name": name])).json()["total"] == 0)
    }

    @Test(arguments: Deployment.allCases)
    func refusesALargeBodyBeforeReadingIt(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let answer = try await RawSocket.exchange(
            port: platform.port,
            "POST /api/products HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                + "Content-Length: 999999999999\r\n\r\n{"
        )
        #expect(answer.statuses == [413])
        #expect(answer.isClosed)
    }
}
