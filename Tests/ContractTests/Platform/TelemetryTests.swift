import MartletCore
import MartletTesting
import Testing

/// Metrics, logs and traces.
@Suite(.inTurn) struct TelemetryTests {
    private func metrics(_ platform: RunningPlatform) async throws -> [(name: String, text: String)] {
        var found = [("gateway", try await platform.api.get("/metrics").text)]
        for (service, port) in platform.servicePorts {
            found.append((service, try await API(port: port).get("/metrics").text))
        }
        return found
    }

    @Test(arguments: Deployment.allCases)
    func countsRequestsByRouteTemplate(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).add()
        _ = try await platform.api.get(Products.path(product))
        _ = try await platform.api.get("/api/products/987654321")
        let unknown = uniqueName("raw")
        _ = try await platform.api.get("/api/products/1/\(unknown)")
        _ = try await platform.api.get("/\(unknown)", ["Accept": "application/json"])
        _ = try await platform.api.send("GET", "/api/products/\(unknown)")
        let everything = try await metrics(platform)
        let gateway = try #require(everything.first?.text)
        #expect(gateway.contains("# TYPE gateway_requests_total counter"))
        #expect(gateway.contains(#"route="/api/products""#), "the gateway's routes")
        let catalog = try #require(everything.last { $0.name == (deployment.isApart ? "catalog" : "gateway") }?.text)
        #expect(catalog.contains("# TYPE http_requests_total counter"))
        #expect(catalog.contains("# TYPE http_request_duration_seconds histogram"))
        for status in [200, 404, 422] {
            let labels = [
                "service=\"catalog\"", "method=\"GET\"", "route=\"/api/products/{id}\"", "status=\"\(status)\"",
            ]
            let line = catalog.split(separator: "\n").first { line in
                line.hasPrefix("http_requests_total{") && labels.allSatisfy { line.contains($0) }
            }
            #expect(line.map { !$0.hasSuffix(" 0") } == true, "\(status)")
        }
        for (name, text) in everything {
            #expect(!text.contains("987654321") && !text.contains(unknown), "\(name) has raw paths in its labels")
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                #expect(line.wholeMatch(of: /[a-z_][a-z0-9_]*(\{.*\})? [0-9.e+-]+/) != nil, "\(name): \(line)")
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func showsMetricsToLocalClientsOnly(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let answer = try await platform.api.get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        for headers in [["X-Forwarded-For": "203.0.113.7"], ["Forwarded": "for=203.0.113.7"], ["Via": "1.1 proxy"]] {
            expectProblem(try await platform.api.get("/metrics", headers), 403, sent: "\(headers)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func reportsLivenessAndReadiness(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        #expect(try await platform.api.get("/health/live").json()["status"] == "ok")
        let ready = try await platform.api.get("/health/ready")
        #expect(ready.status == 200)
        #expect(try ready.json()["services"] == ["accounts": "ok", "catalog": "ok"])
        for port in platform.servicePorts.values {
            for path in ["/health/live", "/health/ready"] {
                #expect(try await API(port: port).get(path).status == 200, "\(path)")
            }
        }
        expectProblem(try await platform.api.send("POST", "/health/live", body: []), 405)
    }

    @Test(arguments: Deployment.allCases)
    func writesLogsAsJSON(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for part in platform.partNames {
            let lines = platform.log(part)
            #expect(!lines.isEmpty, "\(part)")
            for line in lines {
                let json = try JSONValue(parsing: line.utf8)
                #expect(json["timestamp"]?.stringValue?.hasSuffix("Z") == true, "\(part): \(line)")
                for field in ["level", "service_name", "message"] {
                    #expect(json[field]?.stringValue?.isEmpty == false, "\(part): \(line)")
                }
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func keepsSecretsOutOfItsLogs(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        _ = try await platform.api.with(person.token).get("/api/auth/me")
        for part in platform.partNames {
            let log = platform.log(part).joined(separator: "\n")
            for secret in [person.password, person.token, person.refreshToken] {
                #expect(!log.contains(secret), "\(part)")
            }
        }
    }
}
