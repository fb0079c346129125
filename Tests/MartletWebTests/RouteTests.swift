import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

/// A small service with one of everything, to test the kit without a business service.
private struct Gadgets: Service {
    static let name = "gadgets"
    static let summary = "Gadgets for tests."
    static let prefixes = ["/api/gadgets"]
    static let migrations = [
        Migration(1, "gadgets") { dialect in
            [
                """
                CREATE TABLE gadgets (
                    id \(dialect.identity), name TEXT NOT NULL, size BIGINT, updated_at \(dialect.timestamp) NOT NULL
                )
                """
            ]
        }
    ]

    struct Gadget: Model, Output, Versioned {
        let id: ID<Gadget>
        let name: String
        let size: Int?
        let updatedAt: Timestamp

        static let table = "gadgets"
        static let rules = Rules {
            Rule(CodingKeys.name, "Its name.", length: 1...20, list: [.search, .filter, .order])
            Rule(CodingKeys.size, "Its size.", minimum: 1, list: [.filter, .order])
        }
    }

    struct GadgetInput: Input, Encodable {
        let name: String
        let size: Int?
        static let rules = Gadget.rules
    }

    struct Sum: Input {
        let left: Int
        let right: Int
        static let rules = Rules { Rule(CodingKeys.right, "Added.", default: 1) }
    }

    struct Total: Output, Codable { let total: Int }

    struct Address: Output, Codable { let address: String? }

    let platform: Platform

    init(_ platform: Platform, settings: NoSettings) { self.platform = platform }

    var routes: [Route] {
        Group("/api/gadgets", tag: "Gadgets") {
            Get(use: list).public
            Post(use: create).requires("gadgets.add_gadget")
            Get("sum", use: sum).public
            Get("crash", use: crash).public
            Post("nothing", use: nothing).public
            Get("two", use: two).public
            Get("mine", use: mine).signedIn
            Get("address", use: address).public
            Post("staff", use: staff).requires("gadgets.view_gadget", staffOnly: true)
            Get("{id}", use: find).public
            Patch("{id}", use: update).public
        }
    }

    @Sendable func list(_ context: Context, _ query: ListQuery<Gadget>) async throws -> RowPage<Gadget> {
        try await platform.database.page(query)
    }

    @Sendable func create(_ context: Context, _ input: GadgetInput) async throws -> Created<Gadget> {
        let gadget = try await platform.database.one(
            Gadget.self,
            """
            INSERT INTO gadgets \(values: input, with: ["updated_at": platform.clock.now])
            RETURNING \(Gadget.columns)
            """)
        return Created(gadget, at: "/api/gadgets/\(gadget.id)")
    }

    @Sendable func find(_ context: Context, _ id: ID<Gadget>) async throws -> Gadget {
        try await platform.database.first(Gadget.self, "SELECT \(Gadget.columns) FROM gadgets WHERE id = \(id)")
            .orNotFound()
    }

    @Sendable func update(_ context: Context, _ id: ID<Gadget>, _ patch: MergePatch<GadgetInput>) async throws -> Gadget
    {
        try await platform.database.change(Gadget.self, id, if: context.precondition) { current, connection in
            let version = platform.clock.now.next(after: current.updatedAt)
            return try await connection.one(
                Gadget.self,
                """
                UPDATE gadgets SET \(set: patch.applied(to: current), with: ["updated_at": version])
                WHERE id = \(id) RETURNING \(Gadget.columns)
                """)
        }
    }

    @Sendable func sum(_ context: Context, _ input: Sum) throws -> Total {
        let (total, overflow) = input.left.addingReportingOverflow(input.right)
        guard !overflow else { throw Problem.invalid(field: "left", "Too large.", code: "too_large") }
        return Total(total: total)
    }

    @Sendable func crash(_ context: Context) throws -> NoContent { throw Secret() }

    /// Writes no column at all.
    @Sendable func nothing(_ context: Context) async throws -> NoContent {
        struct Nothing: Encodable {}
        try await platform.database.execute("UPDATE gadgets SET \(set: Nothing())")
        return NoContent()
    }

    /// Takes two rows for one.
    @Sendable func two(_ context: Context) async throws -> Gadget {
        try await platform.database.one(
            Gadget.self, "SELECT 1 AS id, 'a' AS name, 1 AS size UNION ALL SELECT 2, 'secret', 2")
    }

    @Sendable func mine(_ context: Context) throws -> Total { Total(total: Int(try context.user().userID)) }
    @Sendable func address(_ context: Context) -> Address { Address(address: context.clientAddress) }
    @Sendable func staff(_ context: Context) -> NoContent { NoContent() }

    struct Secret: Error { let password = "hunter2" }
}

@Suite struct RouteTests {
    private func run(
        on store: TestStore = .sqlite, clock: WallClock = .system,
        _ body: @Sendable (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.run(Gadgets.self, on: store, clock: clock, body)
    }

    private func fill(_ service: RunningService, _ names: [String]) async throws {
        for (index, name) in names.enumerated() {
            let size: Int? = index == 0 ? nil : index
            try await service.database.execute(
                "INSERT INTO gadgets (name, size, updated_at) VALUES (\(name), \(size), \(Timestamp(microseconds: 0)))")
        }
    }

    @Test(arguments: TestStore.allCases)
    func listsFilterSearchOrderAndPage(store: TestStore) async throws {
        try await run(on: store) { service in
            try await fill(service, ["alpha", "Beta", "gamma", "100%", "a_b"])
            func names(_ query: String) async throws -> [String] {
                let answer = try await service.send("GET", "/api/gadgets?\(query)")
                return (answer.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            }
            #expect(try await names("search=BETA") == ["Beta"])
            #expect(try await names("search=%25") == ["100%"])
            #expect(try await names("search=_") == ["a_b"])
            #expect(try await names("size__gte=2&size__lt=4") == ["gamma", "100%"])
            #expect(try await names("name__in=alpha,gamma&ordering=-name") == ["gamma", "alpha"])
            #expect(try await names("ordering=-size").last == "alpha")
            #expect(try await names("skip=3&limit=1") == ["100%"])
            #expect(try await names("page=2&page_size=2") == ["gamma", "100%"])
            #expect(try await names("skip=9223372036854775807") == [])
            #expect(try await service.send("GET", "/api/gadgets?limit=1").json["total"] == 5)
            #expect(try await service.send("GET", "/api/gadgets/?limit=1").status == 200)
        }
    }

    @Test(
        arguments: [
            (["x-real-ip": "203.0.113.9"], "203.0.113.9"), (["x-real-ip": "::ffff:203.0.113.9"], "203.0.113.9"),
            (["x-forwarded-for": "198.51.100.1, 2001:db8::9"], "2001:db8::9"),
            (["x-real-ip": "unknown"], nil), (["x-real-ip": "unknown", "x-forwarded-for": "203.0.113.9"], nil),
            (["x-forwarded-for": "203.0.113.9, unknown"], nil), ([:], nil),
        ] as [([String: String], String?)])
    func clientAddressIsValidOrAbsent(_ headers: [String: String], _ address: String?) async throws {
        try await run { service in
            let answer = try await service.send("GET", "/api/gadgets/address", headers: headers)
            #expect(answer.status == 200)
            #expect(answer.json["address"]?.stringValue == address)
        }
    }

    @Test func reportsEveryInvalidParameter() async throws {
        try await run { service in
            let query =
                "limit=0&page=9223372036854775807&size=x&size__gte=99999999999999999999&nope=1&ordering=id,-zip&a=1&a=2"
            let answer = try await service.send("GET", "/api/gadgets?\(query)")
            #expect(answer.status == 422)
            #expect(
                Set(answer.fieldErrors) == [
                    "query.a duplicate_parameter", "query.limit too_small", "query.page too_large",
                    "query.ordering unknown_field", "query.a unknown_parameter", "query.nope unknown_parameter",
                    "query.size not_an_integer", "query.size__gte out_of_range",
                ])
            #expect(try await service.send("GET", "/api/gadgets?limit=101").fieldErrors == ["query.limit too_large"])
            let both = try await service.send("GET", "/api/gadgets?page=1&skip=1")
            #expect(both.fieldErrors == ["query.page duplicate_parameter"])
            #expect(try await service.send("GET", "/api/gadgets?search=%ff").status == 400)
            #expect(
                try await service.send("GET", "/api/gadgets?search=%00").fieldErrors == [
                    "query.search invalid_character"
                ])
        }
    }

    @Test func checksPathQueryAndBodyTogether() async throws {
        try await run { service in
            let answer = try await service.send("PATCH", "/api/gadgets/abc", #"{"name":""}"#)
            #expect(answer.fieldErrors == ["path.id not_an_integer", "body.name too_short"])
            let sum = try await service.send("GET", "/api/gadgets/sum?left=x&rigth=2")
            #expect(sum.fieldErrors == ["query.rigth unknown_parameter"])
            #expect(try await service.send("GET", "/api/gadgets/sum?left=41").json["total"] == 42)
        }
    }

    @Test func checksAccessInOrder() async throws {
        let clock = TestClock()
        try await run(clock: clock.wallClock) { service in
            let body = #"{"name":"x"}"#
            let anonymous = try await service.send("POST", "/api/gadgets", body)
            #expect(anonymous.status == 401 && anonymous.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            let stranger = try await service.issuer.token(permissions: ["gadgets.view_gadget"])
            #expect(try await service.send("POST", "/api/gadgets", body, token: stranger).status == 403)
            let writer = try await service.issuer.token(permissions: ["gadgets.add_gadget"])
            #expect(try await service.send("POST", "/api/gadgets", body, token: writer).status == 201)
            let root = try await service.issuer.token(isSuperuser: true)
            #expect(try await service.send("POST", "/api/gadgets", body, token: root).status == 201)
            #expect(try await service.send("POST", "/api/gadgets/staff", token: stranger).status == 403)
            let staff = try await service.issuer.token(permissions: ["gadgets.view_gadget"], isStaff: true)
            #expect(try await service.send("POST", "/api/gadgets/staff", token: staff).status == 204)
            clock.advance(bySeconds: 301)
            let late = try await service.send("GET", "/api/gadgets/mine", token: stranger)
            #expect(late.status == 401 && late.json["code"] == "token_expired")
        }
    }

    @Test func revokingASessionInvalidatesItsTokens() async throws {
        try await run { service in
            let token = try await service.issuer.token(user: 7, session: "gone")
            #expect(try await service.send("GET", "/api/gadgets/mine", token: token).json["total"] == 7)
            service.platform.authenticator.revoke(
                session: "gone", until: service.platform.clock.now.advanced(bySeconds: 300))
            #expect(try await service.send("GET", "/api/gadgets/mine", token: token).json["code"] == "session_ended")
            let other = try await service.issuer.token(user: 8, session: "stays")
            #expect(try await service.send("GET", "/api/gadgets/mine", token: other).status == 200)
        }
    }

    @Test(arguments: ["", "x", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "eyJraWQiOiJ4In0.e30.e30"])
    func rejectsMalformedTokens(token: String) async throws {
        try await run { service in
            #expect(try await service.send("GET", "/api/gadgets/mine", token: token).status == 401)
            let real = try await service.issuer.token()
            #expect(try await service.send("GET", "/api/gadgets/mine", token: real + "x").status == 401)
        }
    }

    @Test func versionsGuardChanges() async throws {
        try await run { service in
            try await fill(service, ["alpha"])
            let first = try await service.send("GET", "/api/gadgets/1")
            let tag = try #require(first.headers["etag"])
            #expect(try await service.send("GET", "/api/gadgets/1", headers: ["if-none-match": tag]).status == 304)
            let mine = try await service.send("PATCH", "/api/gadgets/1", #"{"size":5}"#, headers: ["if-match": tag])
            #expect(mine.status == 200 && mine.json["name"] == "alpha" && mine.json["size"] == 5)
            let yours = try await service.send("PATCH", "/api/gadgets/1", #"{"size":6}"#, headers: ["if-match": tag])
            #expect(yours.status == 412)
            let cleared = try await service.send("PATCH", "/api/gadgets/1", #"{"size":null}"#)
            #expect(cleared.json["size"] == .null)
            #expect(
                try await service.send("PATCH", "/api/gadgets/1", #"{"name":null}"#).fieldErrors == [
                    "body.name null_not_allowed"
                ])
        }
    }

    @Test func wrongMethodsAndPathsAreProblems() async throws {
        try await run { service in
            let wrong = try await service.send("PUT", "/api/gadgets")
            #expect(wrong.status == 405 && wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST")
            #expect(wrong.headers["content-type"] == "application/problem+json")
            #expect(try await service.send("OPTIONS", "/api/gadgets").status == 204)
            #expect(try await service.send("PROPFIND", "/api/gadgets/sum").status == 405)
            #expect(try await service.send("GET", "/api/nothing").status == 404)
            #expect(try await service.send("HEAD", "/api/gadgets").body.isEmpty)
        }
    }

    @Test func bodiesMustBeJSONWithinBounds() async throws {
        try await run { service in
            func patch(_ body: String, _ type: String = "application/json") async throws -> Int {
                try await service.send("PATCH", "/api/gadgets/1", body, headers: ["content-type": type]).status
            }
            try await fill(service, ["alpha"])
            #expect(try await patch("{}", "application/merge-patch+json") == 200)
            #expect(try await patch("{}", "application/json; charset=UTF-8") == 200)
            #expect(try await patch("{}", "application/json; charset=latin1") == 415)
            #expect(try await patch("{}", "text/plain") == 415)
            #expect(try await patch("{") == 400)
            #expect(try await patch("[]") == 422)
            #expect(try await patch("{\"name\":\"a\",\"name\":\"b\"}") == 400)
            #expect(try await patch(String(repeating: " ", count: 1_100_000)) == 413)
            let invalid = try await service.send("PATCH", "/api/gadgets/1", bytes: [0x7B, 0x22, 0xFF, 0x22, 0x7D])
            #expect(invalid.status == 400 && invalid.json["code"] == "malformed_json")
        }
    }

    @Test func unknownErrorsLeakNothing() async throws {
        try await run { service in
            let answer = try await service.send("GET", "/api/gadgets/crash", headers: ["x-request-id": "abc"])
            #expect(answer.status == 500 && answer.json["detail"] == "Internal error.")
            #expect(answer.headers["x-request-id"] == "abc" && answer.json["request_id"] == "abc")
            #expect(!String(decoding: answer.body, as: UTF8.self).contains("hunter2"))
        }
    }

    @Test(arguments: TestStore.allCases)
    func whatAProgramWritesWronglyIsAnInternalError(store: TestStore) async throws {
        try await run(on: store) { service in
            for (method, path) in [("POST", "/api/gadgets/nothing"), ("GET", "/api/gadgets/two")] {
                let answer = try await service.send(method, path)
                #expect(answer.status == 500 && answer.json["detail"] == "Internal error.", "\(path)")
                let text = String(decoding: answer.body, as: UTF8.self)
                #expect(!text.contains("column") && !text.contains("rows") && !text.contains("gadgets SET"))
            }
        }
    }

    @Test func documentIsGeneratedFromTypes() async throws {
        try await run { service in
            let document = try await service.send("GET", "/openapi.json").json
            #expect(document["openapi"] == "3.1.0")
            let create = try #require(document["paths"]?["/api/gadgets"]?["post"])
            #expect(create["security"] == [["bearer": []]])
            let body = create["requestBody"]
            #expect(body?["required"] == true)
            let reference = body?["content"]?["application/json"]?["schema"]
            #expect(reference == ["$ref": "#/components/schemas/GadgetInput"])
            let schema = document["components"]?["schemas"]?["GadgetInput"]
            #expect(schema?["required"] == ["name"])
            #expect(schema?["properties"]?["name"]?["maxLength"] == 20)
            #expect(schema?["properties"]?["name"]?["description"] == "Its name.")
            let parameters = document["paths"]?["/api/gadgets"]?["get"]?["parameters"]?.arrayValue ?? []
            let names = parameters.compactMap { $0["name"]?.stringValue }
            #expect(names.contains("size__gte") && names.contains("search") && !names.contains("name__gte"))
            #expect(
                document["components"]?["schemas"]?["Gadget"]?["properties"]?["size"]?["type"] == ["integer", "null"])
        }
    }

    @Test func metricsUseTemplatesNotPaths() async throws {
        try await run { service in
            _ = try await service.send("GET", "/api/gadgets/123456")
            _ = try await service.send("GET", "/api/unknown/987654")
            let text = String(decoding: try await service.send("GET", "/metrics").body, as: UTF8.self)
            #expect(
                text.contains(
                    #"http_requests_total{service="gadgets",method="GET",route="/api/gadgets/{id}",status="404"} 1"#))
            #expect(!text.contains("123456") && !text.contains("987654"))
        }
    }

    @Test func healthReportsTheDatabase() async throws {
        try await run { service in
            func status(_ path: String) async throws -> Int { try await service.send("GET", path).status }
            let before = try await [status("/health/live"), status("/health/ready")]
            #expect(before == [200, 200])
            await service.database.close()
            let after = try await [status("/health/live"), status("/health/ready")]
            #expect(after == [200, 503])
        }
    }

    @Test func routeWithoutAccessStopsTheService() async throws {
        struct Open: Service {
            static let name = "open"
            static let summary = ""
            static let prefixes = ["/api/open"]
            static let migrations: [Migration] = []
            init(_ platform: Platform, settings: NoSettings) {}
            var routes: [Route] { Group("/api/open", tag: "Open") { Get(use: get) } }
            @Sendable func get(_ context: Context) -> NoContent { NoContent() }
        }
        await #expect(throws: ServiceError.self) {
            try await RunningService.run(Open.self, on: .sqlite) { _ in }
        }
    }
}
