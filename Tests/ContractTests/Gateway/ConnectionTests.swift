import Testing

/// Connections with more than one request, and requests that arrive in pieces.
@Suite(.inTurn) struct ConnectionTests {
    @Test(arguments: Deployment.allCases)
    func answersPipelinedRequestsInOrder(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).addedPath()
        let requests = [
            "GET \(product) HTTP/1.1\r\nHost: a\r\nX-Request-ID: one\r\n\r\n",
            "GET /api/nothing HTTP/1.1\r\nHost: a\r\nX-Request-ID: two\r\n\r\n",
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nX-Request-ID: three\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\n\r\n{}",
            "GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nX-Request-ID: four\r\n\r\n",
            "GET /health/live HTTP/1.1\r\nHost: a\r\nX-Request-ID: five\r\nConnection: close\r\n\r\n",
        ]
        let answer = try await RawSocket.exchange(port: platform.port, requests.joined())
        #expect(answer.statuses == [200, 404, 422, 200, 200])
        #expect(answer.responses.compactMap { $0.header("X-Request-ID") } == ["one", "two", "three", "four", "five"])
        #expect(answer.isClosed)
    }

    @Test(arguments: Deployment.allCases)
    func keepsAConnectionForTheNextRequest(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let connection = try await RawConnection.open(port: platform.port)
        for count in 1...5 {
            try await connection.write("GET /api/products?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try await connection.read(answers: count)
            #expect(answer.statuses == Array(repeating: 200, count: count))
            #expect(!answer.isClosed)
        }
        try await connection.close()
    }

    @Test(arguments: Deployment.allCases)
    func readsARequestByteByByte(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let connection = try await RawConnection.open(port: platform.port)
        let request =
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"
        for byte in request.utf8 { try await connection.write([byte]) }
        let answer = try await connection.read(answers: 1)
        #expect(answer.statuses == [422])
        try await connection.close()
    }

    @Test(arguments: Deployment.allCases)
    func closesWhenAsked(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for request in [
            "GET /api/products?limit=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /api/products?limit=1 HTTP/1.0\r\n\r\n", "GET /health/live HTTP/1.0\r\n\r\n",
        ] {
            let answer = try await RawSocket.exchange(port: platform.port, request)
            #expect(answer.isClosed, "\(request)")
            #expect(answer.statuses == [200], "\(request)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func answersHeadWithoutABody(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in ["/api/products?limit=1", "/health/live", "/openapi.json", "/api/nothing", "/", "/api/auth/me"] {
            let answer = try await RawSocket.exchange(
                port: platform.port, "HEAD \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", isHead: true)
            let get = try await platform.api.get(path)
            #expect(answer.responses.count == 1 && answer.isClosed, "\(path)")
            #expect(answer.statuses == [get.status], "\(path)")
            #expect(answer.responses.first?.header("Content-Type") == get.header("Content-Type"), "\(path)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func answersExpectContinue(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let connection = try await RawConnection.open(port: platform.port)
        try await connection.write(
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        try await connection.write("{}")
        let answer = try await connection.read(answers: 1)
        #expect(answer.statuses == [422])
        try await connection.close()
    }
}
