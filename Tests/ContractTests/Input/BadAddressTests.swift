import MartletCore
import Testing

/// Invalid paths, queries and methods for every operation in the document.
@Suite(.inTurn) struct BadAddressTests {
    private func forEachOperation(
        _ deployment: Deployment, _ body: (APIDocument.Operation, API) async throws -> Void
    ) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations { try await body(operation, api) }
        #expect(try await api.get("/health/live").status == 200)
        #expect(try await api.get("/health/ready").status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func reportsInvalidIDs(_ deployment: Deployment) async throws {
        try await forEachOperation(deployment) { operation, api in
            guard operation.hasID else { return }
            for id in [
                "0", "-1", "abc", "1.0", "1e3", "0x1", "99999999999999999999", "9223372036854775808",
                "-9223372036854775809", "%20", "1%20", "%F0%9F%98%80", "NaN", "null", "1;drop", "1'--", "%D9%A1",
                String(repeating: "9", count: 1000),
            ] {
                let answer = try await api.send(
                    operation.method, operation.path(id), body: operation.takesBody ? Array("{}".utf8) : nil)
                let sent = "\(operation.method) \(operation.path(id).prefix(60))"
                expectProblem(answer, sent: sent)
                #expect(answer.status == 422 || answer.status == 404, "\(sent) → \(answer.status)")
                if answer.status == 422 {
                    #expect(answer.errors.contains { $0.loc.first == "path" }, "\(sent) → \(answer.text)")
                }
            }
        }
    }

    /// A resource has one address, because caches and rules at the edge compare addresses, not numbers.
    @Test(arguments: Deployment.allCases)
    func findsAResourceUnderOneIDOnly(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).add()
        let id = try #require(product["id"]?.intValue)
        for alias in ["+\(id)", "%2B\(id)", "\(id).0", "%20\(id)", "\(id)%20", "0x\(String(id, radix: 16))", "\(id)e0"]
        {
            let answer = try await platform.api.get("\(Products.path)/\(alias)")
            expectProblem(answer, 422, sent: alias)
        }
    }

    @Test(arguments: Deployment.allCases)
    func rejectsUnsupportedMethods(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for (template, known) in try await APIDocument.read(api).methodsByTemplate {
            let path = template.replacing(/\{[^}]*\}/, with: "1")
            var expected = known.union(["OPTIONS"])
            if known.contains("GET") { expected.insert("HEAD") }
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] where !known.contains(method) {
                for path in [path, path + "/"] {
                    let answer = try await api.send(method, path)
                    expectProblem(answer, 405, code: "method_not_allowed", sent: "\(method) \(path)")
                    let allowed = Set(
                        (answer.header("Allow") ?? "").split(separator: ",").map { $0.filter { $0 != " " } })
                    #expect(allowed == expected, "\(method) \(path)")
                }
            }
            let options = try await api.send("OPTIONS", path)
            #expect(options.status == 204, "OPTIONS \(path)")
            #expect(options.header("Allow")?.contains(known.first ?? "?") == true)
        }
    }

    /// No server supports the method, so both 501 and 405 are valid (RFC 9110 §15.6.2).
    @Test(arguments: Deployment.allCases)
    func rejectsUnknownMethods(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for path in [
            Products.path, "/api/products/1", "/api/auth/login", "/.well-known/jwks.json", "/health/live", "/",
        ] {
            for method in ["FROBNICATE", "get", "QUERYX"] {
                let answer = try await platform.api.send(method, path)
                #expect(answer.status == 405 || answer.status == 501, "\(method) \(path) → \(answer.status)")
                expectProblem(answer, answer.status, sent: "\(method) \(path)")
            }
        }
    }

    /// Sends the same value for every parameter. Each parameter that does not accept it must be reported.
    @Test(arguments: Deployment.allCases)
    func reportsEveryParameterOfTheWrongType(_ deployment: Deployment) async throws {
        try await forEachOperation(deployment) { operation, api in
            guard !operation.queryParameters.isEmpty else { return }
            let values: [(String, Set<String>)] = [
                ("abc", ["integer", "number", "boolean"]), ("1e999", ["integer", "boolean"]),
                ("9223372036854775808", ["integer", "boolean"]), ("-9223372036854775809", ["integer", "boolean"]),
                ("NaN", ["integer", "number", "boolean"]), ("%00", ["integer", "number", "boolean", "string"]),
                ("1%00", ["integer", "number", "boolean", "string"]), ("%E2%80%AE", ["integer", "number", "boolean"]),
                ("", ["integer", "number", "boolean"]), ("%D9%A1", ["integer", "number", "boolean"]),
            ]
            for (value, wrong) in values {
                // A response lists twenty errors. Ten parameters cause fewer, even with mutually exclusive ones.
                for first in stride(from: 0, to: operation.queryParameters.count, by: 10) {
                    let parameters = operation.queryParameters.dropFirst(first).prefix(10)
                    let pairs = parameters.map { "\($0.name)=\(value)" }.joined(separator: "&")
                    let answer = try await api.send(operation.method, operation.path() + "?" + pairs)
                    let sent = "\(operation.method) \(operation.template): everything is \(value)"
                    let named = Set(
                        answer.errors.filter { $0.loc.first == "query" }.compactMap { $0.loc.dropFirst().first })
                    for parameter in parameters
                    where !APIDocument.types(of: parameter.schema).isDisjoint(with: wrong) {
                        expectProblem(answer, 422, sent: sent)
                        #expect(named.contains(parameter.name), "\(sent) → \(parameter.name) is not named")
                    }
                }
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func reportsUnknownParametersOfReads(_ deployment: Deployment) async throws {
        try await forEachOperation(deployment) { operation, api in
            guard !operation.queryParameters.isEmpty else { return }
            let answer = try await api.send(operation.method, operation.path() + "?nonsense=1&%3Cb%3E=2")
            expectProblem(answer, 422, sent: "\(operation.method) \(operation.template)")
            expectErrors(answer, "query.nonsense unknown_parameter", "query.<b> unknown_parameter")
        }
    }

    @Test(arguments: Deployment.allCases)
    func refusesBrokenEncodings(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for target in [
            "/api/products/%", "/api/products/%zz", "/api/products/%4", "/api/products/%00", "/api/products/1%0d%0aX:1",
            "/api/products?search=%ff", "/api/products?search=%c3%28", "/api/products?%ff=1", "/api/products/%ff",
            "/api/products?search=%ed%a0%80",
        ] {
            let answer = try await RawSocket.exchange(
                port: platform.port, "GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let response = try #require(answer.responses.first, "\(target)")
            expectProblem(response, sent: target)
            if target.contains("?") { #expect(response.status == 400, "\(target) → \(response.status)") }
        }
        for byte: UInt8 in [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x22, 0x3C, 0x5C, 0x5E, 0x60, 0x7B, 0x7C] {
            let head =
                Array("GET /api/products?search=a".utf8) + [byte]
                + Array(" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
            let answer = try await RawSocket.exchange(port: platform.port, head)
            #expect(answer.responses.count == 1, "byte \(byte)")
            #expect(answer.responses.allSatisfy { $0.status < 500 }, "byte \(byte): \(answer.statuses)")
            if byte < 0x20 || byte == 0x7F { #expect(answer.statuses == [400], "byte \(byte)") }
        }
        #expect(try await platform.api.get("/health/ready").status == 200)
    }

    /// A query does not affect routing, and browsers send whatever is typed.
    @Test(arguments: Deployment.allCases)
    func acceptsALonePercentSignInAQuery(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for (target, status) in [
            ("/api/products?search=%", 200), ("/api/products?search=100%", 200), ("/api/products?search=%4", 200),
            ("/api/products?search=%zz", 200), ("/api/products?%=1", 422),
        ] {
            let answer = try await RawSocket.exchange(
                port: platform.port, "GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(answer.statuses == [status], "\(target)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func reportsAnUnknownPath(_ deployment: Deployment) async throws {
        let api = try await deployment.platform().api
        for path in [
            "/api", "/api/", "/api/nothing", "/api/products/1/nothing", "/api/auth", "/api/auth/nothing",
            "/api/products/in_stock/1", "/api/users/1/2/3", "/api/product", "/api/productsx",
        ] {
            expectProblem(try await api.get(path), 404, instance: path, sent: path)
        }
    }

    @Test(arguments: Deployment.allCases)
    func refusesListsAndSearchesThatAreTooLong(_ deployment: Deployment) async throws {
        let api = try await deployment.platform().api
        let long = try await api.get(Products.path + "?search=" + String(repeating: "x", count: 5000))
        expectProblem(long, 422)
        expectErrors(long, "query.search too_long")
        let many = try await api.get(
            Products.path + "?name__in=" + Array(repeating: "a", count: 500).joined(separator: ","))
        expectProblem(many, 422)
        expectErrors(many, "query.name__in too_long")
        let ordering = try await api.get(
            Products.path + "?ordering=" + Array(repeating: "name", count: 1000).joined(separator: ","))
        expectErrors(ordering, "query.ordering too_long")
        let parameters = (0..<500).map { "p\($0)=1" }.joined(separator: "&")
        expectProblem(try await api.get(Products.path + "?" + parameters), 422)
    }
}
