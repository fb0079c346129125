import MartletCore
import Testing

/// Spellings of paths that some servers interpret as another path.
@Suite(.inTurn) struct PathTests {
    static let refused = [
        "//api/users", "/api//users", "/api/products//1", "/api/products/../users", "/api/products/..",
        "/api/products/./1", "/api/products/%2e%2e/users", "/api/products/%2E./users", "/api/products/.%2e/users",
        "/api/products/%2e", "/api/products/..;/users", "/api/products/..;x=1/users", "/api/products/.;/1",
        "/api/products/..%3b/users", "/api/products%2f1", "/api%2fusers", "/api/products/..%2fusers",
        "/api/products/%2e%2e%2fusers", "/api/products/%252e%252e/users", "/api/products/%5c..%5cusers",
        "/api/products\\..\\users", "/api/products/1%00", "/api/products/1%0a", "/../etc/passwd", "/..",
        "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt", "/assets/....//secret.txt", "//secret.txt", "/assets//app.js",
        "/.%00./secret.txt",
    ]

    @Test(arguments: Deployment.allCases)
    func rejectsDisguisedPaths(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let token = try await platform.people.administrator().token
        for path in Self.refused {
            let answer = try await RawSocket.exchange(
                port: platform.port,
                "GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nConnection: close\r\n\r\n")
            let response = try #require(answer.responses.first, "\(path)")
            expectProblem(response, 400, sent: path)
            #expect(!response.text.contains(Console.secret), "\(path)")
        }
    }

    /// Equivalent spellings name the same path.
    @Test(arguments: Deployment.allCases)
    func acceptsHarmlessSpellings(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in ["/api/%70roducts", "/%61pi/products", "/api/products?", "/api/products/%69n_stock"] {
            let answer = try await RawSocket.exchange(
                port: platform.port, "GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(answer.statuses == [200], "\(path)")
        }
        let absolute = try await RawSocket.exchange(
            port: platform.port,
            "GET http://example.com/api/products?limit=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(absolute.statuses == [200], "RFC 9112 §3.2.2")
    }

    /// Paths are case-sensitive.
    @Test(arguments: Deployment.allCases)
    func doesNotGuess(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in ["/API/products", "/api/Products", "/api/users.json", "/api/products;x=1", "/api/products,"] {
            let answer = try await platform.api.get(path, ["Accept": "application/json"])
            expectProblem(answer, 404, sent: path)
        }
    }

    @Test(arguments: Deployment.allCases)
    func servesTheConsoleAndNothingElse(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in ["/", "/products", "/users/5"] {
            let answer = try await platform.api.get(path, ["Accept": "text/html"])
            #expect(answer.status == 200, "\(path)")
            #expect(answer.text == Console.page, "\(path)")
            let policy = try #require(answer.header("Content-Security-Policy"), "\(path)")
            #expect(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"), "\(policy)")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
        }
        let script = try await platform.api.get("/assets/app.js")
        #expect(script.text == Console.script)
        #expect(script.header("Content-Type")?.hasPrefix("text/javascript") == true)
        let tag = try #require(script.header("ETag"))
        #expect(try await platform.api.get("/assets/app.js", ["If-None-Match": tag]).status == 304)
        for path in ["/secret.txt", "/assets/nothing.js", "/assets/", "/.env", "/index.html.bak"] {
            let answer = try await platform.api.get(path, ["Accept": "*/*"])
            #expect(!answer.text.contains(Console.secret), "\(path)")
            if path.contains(".") { #expect(answer.status == 404, "\(path)") }
        }
        expectProblem(try await platform.api.send("POST", "/", body: []), 405)
    }
}
