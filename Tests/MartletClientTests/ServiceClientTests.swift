import Logging
import MartletClient
import MartletCore
import MartletTelemetry
import MartletTesting
import Testing

private struct Tea: Codable, Sendable, Equatable {
    let id: Int
    let plainName: String
    let price: Money?
}

private struct Order: Encodable {
    let teaId: Int
    let note: String?
}

private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

private func client(of server: ScriptedServer) -> ServiceClient {
    ServiceClient("teas", at: server.endpoint, logger: logger)
}

private func problem(_ call: () async throws -> some Any) async throws -> Problem {
    do {
        _ = try await call()
    } catch let problem as Problem {
        return problem
    }
    throw DidNotHappen(description: "the call has not failed")
}

@Suite struct ServiceClientTests {
    private let tea = #"{"id":7,"plain_name":"Oolong","price":12.50,"a_later_member":[1]}"#

    @Test func sendsEveryMethodWithItsBody() async throws {
        try await ScriptedServer.run { [tea] _, _ in
            ScriptedServer.response("200 OK", tea, fields: "ETag: \"v1\"\r\n")
        } _: { server in
            let teas = client(of: server)
            let expected = Tea(id: 7, plainName: "Oolong", price: try Money(decimal: "12.50"))
            let order = Order(teaId: 7, note: nil)
            #expect(try await teas.get("/teas/7?a=b", as: Tea.self) == expected)
            #expect(try await teas.get("/teas/7").entityTag == "\"v1\"")
            #expect(try await teas.post("/teas", order, as: Tea.self, idempotencyKey: "k1") == expected)
            #expect(try await teas.put("/teas/7", order, as: Tea.self, ifMatch: "\"v1\"") == expected)
            #expect(try await teas.patch("/teas/7", order, as: Tea.self, ifMatch: "\"v2\"") == expected)
            try await teas.delete("/teas/7", ifMatch: "\"v3\"")
            let received = server.received
            #expect(
                received.map(\.line) == [
                    "GET /teas/7?a=b", "GET /teas/7", "POST /teas", "PUT /teas/7", "PATCH /teas/7", "DELETE /teas/7",
                ])
            #expect(received[2].body == #"{"tea_id":7,"note":null}"#)
            #expect(received[2].fields["content-type"] == "application/json")
            #expect(received[2].fields["idempotency-key"] == "k1")
            #expect(received[3].fields["if-match"] == "\"v1\"")
            #expect(received[4].fields["content-type"] == "application/merge-patch+json")
            #expect(received[5].fields["if-match"] == "\"v3\"" && received[5].body == "")
        }
    }

    @Test func refusalsAreTypedErrors() async throws {
        let body = """
            {"title":"Conflict","status":409,"detail":"There are only 2 in stock.","code":"out_of_stock",
             "errors":[{"loc":["body","quantity"],"message":"Too many.","code":"too_large","params":{"max":"2"}}]}
            """
        try await ScriptedServer.run { number, _ in
            number == 1
                ? ScriptedServer.response("409 Conflict", body, fields: "X-Request-ID: r1\r\n")
                : ScriptedServer.response("404 Not Found", "<html>")
        } _: { server in
            do {
                try await client(of: server).get("/teas/7")
                Issue.record("a refusal is no success")
            } catch let error as CallError {
                #expect(error.status == 409 && error.code == "out_of_stock" && error.requestID == "r1")
                #expect(
                    error.problem.errors == [
                        FieldError(
                            loc: ["body", "quantity"], message: "Too many.", code: "too_large", params: ["max": "2"])
                    ])
                #expect(error.description == "teas answers 409 out_of_stock: There are only 2 in stock.")
            }
            do {
                try await client(of: server).get("/teas/8")
                Issue.record("a refusal is no success")
            } catch let error as CallError {
                #expect(error.status == 404 && error.code == nil)
            }
        }
    }

    @Test(arguments: [("301 Moved Permanently", 502), ("429 Too Many Requests", 503), ("500 Internal", 503)])
    func otherAnswersAreUnavailability(_ status: String, _ expected: Int) async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response(status, fields: "Location: /elsewhere\r\n")
        } _: { server in
            let problem = try await problem { try await client(of: server).get("/teas/7") }
            #expect(problem.status == expected)
            #expect(server.received.count == 1)
        }
    }

    @Test func answersOfAnotherTypeAreBadGateways() async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("200 OK", #"{"id":"x"}"#)
        } _: { server in
            let problem = try await problem { try await client(of: server).get("/teas/7", as: Tea.self) }
            #expect(problem.status == 502 && problem.code == "bad_gateway")
        }
    }

    @Test func passesOnRequestIDAndTrace() async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("200 OK")
        } _: { server in
            let trace = TraceContext.make().sampled(true)
            try await Cause.$current.withValue(Cause(requestID: "r7", trace: trace)) {
                _ = try await client(of: server).get("/")
            }
            _ = try await client(of: server).get("/")
            let received = server.received
            #expect(received[0].fields["x-request-id"] == "r7" && received[0].fields["traceparent"] == trace.header)
            #expect(received[1].fields["x-request-id"] == nil && received[1].fields["traceparent"] != nil)
        }
    }

    // MARK: Retries

    @Test(arguments: [ServiceRequest.Method.get, .put, .delete])
    func repeatsIdempotentRequests(_ method: ServiceRequest.Method) async throws {
        try await ScriptedServer.run { number, _ in
            switch number {
            case 1: .hangUp
            case 2: ScriptedServer.response("503 Service Unavailable")
            default: ScriptedServer.response("200 OK", "done")
            }
        } _: { server in
            let answer = try await client(of: server).send(ServiceRequest(method, "/"))
            #expect(answer.status == 200 && server.received.count == 3)
        }
    }

    @Test func givesUpAfterTwoRetries() async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("503 Service Unavailable")
        } _: { server in
            let answer = try await client(of: server).send(ServiceRequest(.get, "/"))
            #expect(answer.status == 503 && server.received.count == 3)
        }
    }

    @Test(arguments: [ServiceRequest.Method.post, .patch])
    func sendsUnsafeRequestsOnce(_ method: ServiceRequest.Method) async throws {
        try await ScriptedServer.run { number, _ in
            number == 1 ? .hangUp : ScriptedServer.response("503 Service Unavailable")
        } _: { server in
            let request = ServiceRequest(method, "/", body: Array("{}".utf8))
            let lost = try await problem { try await client(of: server).send(request) }
            #expect(lost.status == 503 && server.received.count == 1)
            #expect(try await client(of: server).send(request).status == 503)
            #expect(server.received.count == 2)
        }
    }

    /// The second one would get 412 if the first has succeeded.
    @Test func sendsChangesOfAVersionOnce() async throws {
        try await ScriptedServer.run { _, _ in
            .hangUp
        } _: { server in
            let lost = try await problem { try await client(of: server).delete("/", ifMatch: "\"v1\"") }
            #expect(lost.status == 503 && server.received.count == 1)
        }
    }

    @Test func repeatsPostsWithTheirKey() async throws {
        let inUse = #"{"status":409,"code":"idempotency_key_in_use"}"#
        try await ScriptedServer.run { number, _ in
            switch number {
            case 1: .hangUp
            case 2: ScriptedServer.response("409 Conflict", inUse, fields: "Retry-After: 1\r\n")
            default: ScriptedServer.response("201 Created", "{}")
            }
        } _: { server in
            let started = ContinuousClock.now
            let answer = try await client(of: server).post(
                "/", Order(teaId: 1, note: "x"), idempotencyKey: "order-1", timeout: .seconds(20))
            #expect(answer.status == 201)
            #expect(server.received.map { $0.fields["idempotency-key"] } == ["order-1", "order-1", "order-1"])
            #expect(Set(server.received.map(\.body)).count == 1)
            #expect(ContinuousClock.now - started >= .seconds(1), "Retry-After is respected")
        }
    }

    @Test func otherConflictsAreNotRepeated() async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("409 Conflict", #"{"status":409,"code":"out_of_stock"}"#)
        } _: { server in
            await #expect(throws: CallError.self) {
                try await client(of: server).post("/", Order(teaId: 1, note: nil), idempotencyKey: "k")
            }
            #expect(server.received.count == 1)
        }
    }

    @Test func retriesStayWithinTheirBudget() async throws {
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("503 Service Unavailable")
        } _: { server in
            let teas = client(of: server)
            let started = ContinuousClock.now
            for _ in 0..<200 { _ = try await teas.send(ServiceRequest(.get, "/")) }
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            let retries = server.received.count - 200
            // A tenth of the calls, and a reserve of ten that fills up again within ten seconds.
            #expect(Double(retries) <= 20 + 10 + seconds)
            #expect(retries >= 20)
        }
    }

    @Test func unreachableServicesAreAskedUntilTheDeadline() async throws {
        let port = try FreePort.choose()
        let teas = ServiceClient("teas", at: .tcp(host: "127.0.0.1", port: port), logger: logger)
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await teas.post("/", Order(teaId: 1, note: nil), timeout: .seconds(20)).status }
            try await letTimePass(.milliseconds(200), because: "the client must have failed to connect")
            try await ScriptedServer.run(port: port) { _, _ in
                ScriptedServer.response("200 OK")
            } _: { server in
                let status = try await group.next()
                #expect(status == 200 && server.received.count == 1)
            }
        }
    }

    @Test func asksAnotherAddressAfterAFailedConnection() async throws {
        let dead = Endpoint.tcp(host: "127.0.0.1", port: try FreePort.choose())
        try await ScriptedServer.run { _, _ in
            ScriptedServer.response("200 OK")
        } _: { server in
            let asked = Shared(0)
            let living = server.endpoint
            let teas = ServiceClient("teas", logger: logger) { asked.next() == 1 ? dead : living }
            let answer = try await teas.get("/")
            #expect(answer.status == 200 && asked.value == 2)
        }
    }

    @Test func servicesWithoutAnAddressAreUnavailable() async throws {
        let teas = ServiceClient("teas", logger: logger) { nil }
        let problem = try await problem { try await teas.get("/") }
        #expect(problem.status == 503 && problem.detail == "No address is known for the service 'teas'.")
    }

    // MARK: Deadlines

    /// Nothing, half a head, half a body: the deadline holds for the whole answer.
    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"])
    func deadlinesEndStalledAnswers(_ sent: String) async throws {
        try await ScriptedServer.run { _, _ in
            .stall(sent)
        } _: { server in
            let started = ContinuousClock.now
            let problem = try await problem {
                try await client(of: server).get("/", timeout: .milliseconds(300))
            }
            #expect(problem.status == 503 && ContinuousClock.now - started >= .milliseconds(300))
            #expect(ContinuousClock.now - started < .seconds(10))
            #expect(server.received.count == 1)
        }
    }

    @Test func callsEndWithTheirCallersDeadline() async throws {
        try await ScriptedServer.run { _, _ in
            .stall("")
        } _: { server in
            let started = ContinuousClock.now
            let outcome = try await CallDeadline.within(.milliseconds(300)) {
                try await problem { try await client(of: server).get("/", timeout: .seconds(60)) }
            }
            #expect(outcome.status == 503 && ContinuousClock.now - started < .seconds(30))
            let announced = Int(server.received.first?.fields["x-envoy-expected-rq-timeout-ms"] ?? "")
            #expect(announced.map { (1...300).contains($0) } == true)
            let late = try await CallDeadline.within(.zero) {
                try await problem { try await client(of: server).get("/") }
            }
            #expect(late.status == 503 && server.received.count == 1)
        }
    }

    @Test func cancellationEndsCalls() async throws {
        try await ScriptedServer.run { _, _ in
            .stall("")
        } _: { server in
            let teas = client(of: server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await teas.get("/", timeout: .seconds(60)) }
                }
                try await eventually("the request") { server.received.count == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [("1500", 1500), ("3600000", 3_600_000), ("0", nil), ("3600001", nil), ("1.5", nil), ("", nil)])
    func readsTimeouts(_ text: String, _ milliseconds: Int?) {
        #expect(CallDeadline.read(text) == milliseconds.map { .milliseconds($0) })
    }
}
