import Logging
import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletWeb

/// Makes payments, in every way in which a handler can end.
private struct Tills: Service {
    static let name = "tills"
    static let summary = "Payments for tests."
    static let prefixes = ["/api/payments"]
    static let migrations = [
        Migration(1, "payments") { dialect in
            [
                """
                CREATE TABLE payments (
                    id \(dialect.identity), amount BIGINT NOT NULL, updated_at \(dialect.timestamp) NOT NULL
                )
                """,
                "CREATE TABLE runs (id \(dialect.identity), ending TEXT NOT NULL)",
                "CREATE TABLE released (id BIGINT PRIMARY KEY)",
            ]
        }
    ]

    enum Ending: String, CaseIterable, Scalar, SQLBindable {
        case paid, refused, crashed, unavailable, limited, long, held
        static let placeholder = Ending.paid
    }

    struct Payment: Model, Output, Versioned {
        let id: ID<Payment>
        let amount: Int
        let updatedAt: Timestamp
        static let table = "payments"
        static let rules = Rules { Rule(CodingKeys.amount, "The amount.") }
    }

    struct PaymentInput: Input {
        let amount: Int
        let ending: Ending
        static let rules = Rules {
            Rule(CodingKeys.amount, "The amount.", minimum: 1)
            Rule(CodingKeys.ending, "How it ends.", default: "paid")
        }
    }

    struct Transfer: Input {
        let account: Int
        let amount: Int
        let mark: String?
        static let rules = Rules { Rule(CodingKeys.mark, "A mark.", header: "X-Mark") }
    }

    struct Text: Output, Codable { let text: String }

    struct Crash: Error {}

    let platform: Platform

    init(_ platform: Platform, settings: NoSettings) { self.platform = platform }

    var routes: [Route] {
        Group("/api/payments", tag: "Payments") {
            Post(use: pay).requires("tills.add_payment").idempotent
            Post("long", use: long).signedIn.idempotent
            Post("safely", use: pay).signedIn.idempotent(requiresKey: true)
            Post("to/{account}", use: transfer).signedIn.idempotent
        }
    }

    private func count(_ ending: String) async throws {
        try await platform.database.execute("INSERT INTO runs (ending) VALUES (\(ending))")
    }

    @Sendable func pay(_ context: Context, _ input: PaymentInput) async throws -> Created<Payment> {
        try await count(input.ending.rawValue)
        switch input.ending {
        case .paid, .long: break
        case .refused: throw Problem.conflict("There is not enough.", code: "out_of_stock")
        case .crashed: throw Crash()
        case .unavailable: throw Problem.unavailable("Not now.")
        case .limited: throw Problem(status: 429, code: "rate_limited")
        case .held:
            try await eventually("the release") {
                try await platform.database.exists("SELECT 1 FROM released")
            }
        }
        let payment = try await platform.database.one(
            Payment.self,
            """
            INSERT INTO payments (amount, updated_at) VALUES (\(input.amount), \(platform.clock.now))
            RETURNING \(Payment.columns)
            """)
        return Created(payment, at: "/api/payments/\(payment.id)")
    }

    @Sendable func long(_ context: Context, _ input: PaymentInput) async throws -> Text {
        try await count("long")
        return Text(text: String(repeating: "x", count: input.amount))
    }

    @Sendable func transfer(_ context: Context, _ transfer: Transfer) async throws -> NoContent {
        try await count("transfer")
        return NoContent()
    }
}

extension RunningService {
    fileprivate func runs() async throws -> Int { try await database.count("SELECT count(*) FROM runs") }

    fileprivate func payer(_ user: Int64 = 1) async throws -> String {
        try await issuer.token(user: user, permissions: ["tills.add_payment"])
    }

    fileprivate func pay(
        _ body: String = #"{"amount":5}"#, key: String?, token: String, _ path: String = ""
    ) async throws -> Response {
        try await send(
            "POST", "/api/payments\(path)", body, token: token, headers: key.map { ["idempotency-key": $0] } ?? [:])
    }
}

@Suite struct IdempotencyTests {
    private func run(
        on store: TestStore = .sqlite, _ body: @Sendable (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.run(Tills.self, on: store, body)
    }

    @Test(arguments: TestStore.allCases)
    func repeatedRequestsGetTheFirstAnswer(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            let first = try await service.pay(key: "k1", token: token)
            #expect(first.status == 201 && first.headers["idempotent-replayed"] == nil)
            let again = try await service.pay(key: "k1", token: token)
            #expect(again.status == 201 && again.body == first.body)
            for name in ["location", "etag", "content-type"] {
                #expect(again.headers[name] == first.headers[name] && first.headers[name] != nil, "\(name)")
            }
            #expect(again.headers["idempotent-replayed"] == "true")
            #expect(again.headers["x-request-id"] != first.headers["x-request-id"])
            #expect(try await service.runs() == 1)
            let other = try await service.pay(key: "k2", token: token)
            let without = try await service.pay(key: nil, token: token)
            #expect(Set([first.body, other.body, without.body]).count == 3)
            #expect(try await service.runs() == 3)
            let empty = try await service.pay(key: "k3", token: token, "/to/1")
            #expect(empty.status == 204)
            let emptyAgain = try await service.pay(key: "k3", token: token, "/to/1")
            #expect(emptyAgain.status == 204 && emptyAgain.body == [] && emptyAgain.headers["content-type"] == nil)
        }
    }

    @Test(arguments: TestStore.allCases)
    func aKeyBelongsToAUserAndARoute(store: TestStore) async throws {
        try await run(on: store) { service in
            let ann = try await service.payer(1)
            let bob = try await service.payer(2)
            let first = try await service.pay(key: "k", token: ann)
            let others = try await service.pay(key: "k", token: bob)
            #expect(others.status == 201 && others.body != first.body)
            #expect(try await service.pay(key: "k", token: ann, "/safely").status == 201)
            #expect(try await service.runs() == 3)
            // Who may no longer do it gets no answer of the past.
            let former = try await service.issuer.token(user: 1)
            #expect(try await service.pay(key: "k", token: former).status == 403)
        }
    }

    @Test(arguments: TestStore.allCases)
    func aKeyBelongsToOneRequest(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            #expect(try await service.pay(key: "k", token: token, "/to/1").status == 204)
            let differing = [
                try await service.pay(#"{"amount":6}"#, key: "k", token: token, "/to/1"),
                try await service.pay(#"{"amount":5 }"#, key: "k", token: token, "/to/1"),
                try await service.pay(key: "k", token: token, "/to/2"),
                try await service.send(
                    "POST", "/api/payments/to/1", #"{"amount":5}"#, token: token,
                    headers: ["idempotency-key": "k", "x-mark": "red"]),
            ]
            for answer in differing {
                #expect(answer.status == 422 && answer.json["code"] == "idempotency_key_reused")
            }
            #expect(try await service.runs() == 1)
        }
    }

    @Test(arguments: TestStore.allCases)
    func oneOfManyConcurrentRequestsRunsTheHandler(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            for round in 1...5 {
                let answers = try await withThrowingTaskGroup(of: RunningService.Response.self) { group in
                    for _ in 0..<40 {
                        group.addTask { try await service.pay(key: "round-\(round)", token: token) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let made = answers.filter { $0.status == 201 }
                let waiting = answers.filter { $0.status == 409 }
                #expect(made.count >= 1 && made.count + waiting.count == 40)
                #expect(Set(made.map(\.body)).count == 1)
                #expect(made.count { $0.headers["idempotent-replayed"] == nil } == 1)
                #expect(waiting.allSatisfy { $0.json["code"] == "idempotency_key_in_use" })
                #expect(try await service.runs() == round)
            }
            #expect(try await service.database.count("SELECT count(*) FROM payments") == 5)
        }
    }

    @Test(arguments: TestStore.allCases)
    func aKeyIsInUseWhileItsRequestIsHandled(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            let held = #"{"amount":5,"ending":"held"}"#
            async let first = service.pay(held, key: "k", token: token)
            try await eventually("the first request") { try await service.runs() == 1 }
            let second = try await service.pay(held, key: "k", token: token)
            #expect(second.status == 409 && second.json["code"] == "idempotency_key_in_use")
            #expect(second.headers["retry-after"] == "1")
            let different = try await service.pay(key: "k", token: token)
            #expect(different.json["code"] == "idempotency_key_reused")
            try await service.database.execute("INSERT INTO released (id) VALUES (1)")
            let answer = try await first
            #expect(answer.status == 201)
            #expect(try await service.pay(held, key: "k", token: token).body == answer.body)
            #expect(try await service.runs() == 1)
        }
    }

    /// A claim without an answer is what a process leaves behind that dies.
    @Test(arguments: TestStore.allCases)
    func claimsOfDeadProcessesExpire(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            func leaveClaim(expiringIn seconds: Int64) async throws {
                let expiry = WallClock.system.now.advanced(bySeconds: seconds)
                try await service.database.execute(
                    "UPDATE idempotency_keys SET status = NULL, fields = NULL, body = NULL, expires_at = \(expiry)")
            }
            #expect(try await service.pay(key: "k", token: token).status == 201)
            try await leaveClaim(expiringIn: 30)
            #expect(try await service.pay(key: "k", token: token).status == 409)
            try await leaveClaim(expiringIn: -1)
            #expect(try await service.pay(key: "k", token: token).headers["idempotent-replayed"] == nil)
            #expect(try await service.pay(key: "k", token: token).headers["idempotent-replayed"] == "true")
            #expect(try await service.runs() == 2)
        }
    }

    @Test(arguments: TestStore.allCases)
    func answersAreKeptForADay(store: TestStore) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            let first = try await service.pay(key: "k", token: token)
            let expiry = try await service.database.one(
                Timestamp.self, "SELECT expires_at FROM idempotency_keys")
            let hours = Double(expiry.microseconds - WallClock.system.now.microseconds) / 3_600_000_000
            #expect((23.9...24).contains(hours))
            try await service.database.execute(
                "UPDATE idempotency_keys SET expires_at = \(WallClock.system.now.advanced(bySeconds: -1))")
            let later = try await service.pay(#"{"amount":7}"#, key: "k", token: token)
            #expect(later.status == 201 && later.body != first.body)
        }
    }

    @Test(arguments: TestStore.allCases, [("crashed", 500), ("unavailable", 503), ("limited", 429)])
    func answersThatAskToTryAgainAreNotKept(store: TestStore, _ ending: (name: String, status: Int)) async throws {
        try await run(on: store) { service in
            let token = try await service.payer()
            let body = #"{"amount":5,"ending":"\#(ending.name)"}"#
            for attempt in 1...2 {
                let answer = try await service.pay(body, key: "k", token: token)
                #expect(answer.status == ending.status)
                #expect(try await service.runs() == attempt)
            }
            #expect(try await service.pay(key: "k", token: token).status == 201)
        }
    }

    @Test func refusalsAreKept() async throws {
        try await run { service in
            let token = try await service.payer()
            let body = #"{"amount":5,"ending":"refused"}"#
            let first = try await service.pay(body, key: "k", token: token)
            #expect(first.status == 409 && first.json["code"] == "out_of_stock")
            let again = try await service.pay(body, key: "k", token: token)
            #expect(again.status == 409 && again.body == first.body)
            #expect(again.headers["content-type"] == "application/problem+json")
            #expect(try await service.runs() == 1)
        }
    }

    @Test func invalidInputsDoNotUseUpTheKey() async throws {
        try await run { service in
            let token = try await service.payer()
            for body in [#"{"amount":0}"#, "{", #"{"amount":5,"x":1}"#] {
                #expect([400, 422].contains(try await service.pay(body, key: "k", token: token).status))
            }
            #expect(try await service.pay(key: "k", token: "bad").status == 401)
            #expect(try await service.pay(key: "k", token: token).status == 201)
        }
    }

    @Test func longAnswersAreNotKeptButNeitherRepeated() async throws {
        try await run { service in
            let token = try await service.payer()
            let limit = IdempotencyStore.maximumBodyBytes - #"{"text":""}"#.utf8.count
            for _ in 1...2 {
                let fits = try await service.pay(#"{"amount":\#(limit)}"#, key: "k1", token: token, "/long")
                #expect(fits.status == 200 && fits.body.count == IdempotencyStore.maximumBodyBytes)
            }
            let body = #"{"amount":\#(limit + 1)}"#
            #expect(try await service.pay(body, key: "k2", token: token, "/long").status == 200)
            let again = try await service.pay(body, key: "k2", token: token, "/long")
            #expect(again.status == 409 && again.json["code"] == "idempotent_answer_not_kept")
            #expect(try await service.runs() == 2)
        }
    }

    @Test(arguments: ["", "with space", "naïve", String(repeating: "k", count: 256)])
    func refusesInvalidKeys(_ key: String) async throws {
        try await run { service in
            let token = try await service.payer()
            let answer = try await service.pay(key: key, token: token)
            #expect(answer.fieldErrors == ["header.Idempotency-Key invalid_idempotency_key"])
            #expect(try await service.runs() == 0)
        }
    }

    @Test func readsKeys() async throws {
        try await run { service in
            let token = try await service.payer()
            let visible = String(decoding: UInt8(0x21)...0x7E, as: UTF8.self)
            for key in ["k", visible, String(repeating: "k", count: 255), #""a-structured-string""#] {
                #expect(try await service.pay(key: key, token: token).status == 201)
                #expect(try await service.pay(key: key, token: token).headers["idempotent-replayed"] == "true")
            }
            let twice = try await service.send(
                "POST", "/api/payments", #"{"amount":5}"#, token: token,
                headers: ["idempotency-key": "a", "Idempotency-Key": "b"])
            #expect(twice.fieldErrors == ["header.Idempotency-Key duplicate_parameter"])
            let without = try await service.pay(key: nil, token: token, "/safely")
            #expect(without.status == 400 && without.json["code"] == "idempotency_key_required")
        }
    }

    @Test func theDocumentHasTheKey() async throws {
        try await run { service in
            let document = try await service.send("GET", "/openapi.json").json
            func operation(_ path: String) -> JSONValue? { document["paths"]?[path]?["post"] }
            func key(_ path: String) -> JSONValue? {
                operation(path)?["parameters"]?.arrayValue?.first { $0["name"] == "Idempotency-Key" }
            }
            #expect(key("/api/payments")?["in"] == "header" && key("/api/payments")?["required"] == false)
            #expect(key("/api/payments")?["schema"]?["maxLength"] == 255)
            #expect(key("/api/payments/safely")?["required"] == true)
            let responses = operation("/api/payments/long")?["responses"]
            #expect(responses?["409"]?["$ref"] == "#/components/responses/Conflict")
            #expect(responses?["422"] != nil && responses?["200"]?["headers"]?["Idempotent-Replayed"] != nil)
            #expect(document["components"]?["headers"]?["Idempotent-Replayed"] != nil)
        }
    }
}

// MARK: Misuse

private protocol Misuse: Service {
    static var wrong: Route { get }
    init()
}

extension Misuse {
    static var summary: String { "A mistake." }
    static var prefixes: [String] { ["/api/wrong"] }
    static var migrations: [Migration] { [] }
    var routes: [Route] { Group("/api/wrong", tag: "Wrong") { Self.wrong } }
    init(_ platform: Platform, settings: NoSettings) { self.init() }
}

private struct PublicMisuse: Misuse {
    static let name = "public"
    static var wrong: Route { Post { (_: Context) in NoContent() }.public.idempotent }
}

private struct PutMisuse: Misuse {
    static let name = "put"
    static var wrong: Route { Put { (_: Context) in NoContent() }.signedIn.idempotent }
}

@Suite struct IdempotencyMisuseTests {
    @Test func servicesThatMisuseKeysDoNotStart() async throws {
        let reason = "/api/wrong cannot be idempotent: only a POST that is not public can"
        func message<S: MartletWeb.Service>(_ service: S.Type) async throws -> String where S.Settings == NoSettings {
            do {
                try await RunningService.run(service, on: .sqlite) { _ in }
            } catch let error as ServiceError {
                return error.description
            }
            return "it starts"
        }
        #expect(try await message(PublicMisuse.self) == "public: POST \(reason)")
        #expect(try await message(PutMisuse.self) == "put: PUT \(reason)")
    }
}
