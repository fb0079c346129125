import MartletCore
import Testing

/// Requests crafted to be expensive: each is rejected quickly, with a response of bounded size.
@Suite(.inTurn) struct WorstInputTests {
    /// A letter with as many combining marks as fit in a body, in an order that must be sorted.
    private static let marks = "a" + String(repeating: "\u{301}\u{316}", count: 260_000)

    /// Every input here took minutes before it was bounded. Processor time, as other tests run meanwhile.
    private func expectQuick(
        _ sent: String, on platform: RunningPlatform, _ send: () async throws -> Response
    ) async throws -> Response {
        let before = try platform.processorTime
        let answer = try await send()
        #expect(try platform.processorTime - before < .seconds(10), "\(sent)")
        #expect(answer.body.count < 16_384, "\(sent): an answer of \(answer.body.count) bytes")
        return answer
    }

    @Test(arguments: Deployment.allCases)
    func limitsTextsBeforeNormalizing(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations where operation.takesBody {
            for field in operation.fields where APIDocument.types(of: field.schema).contains("string") {
                let sent = "\(operation.method) \(operation.template): \(field.name) is all combining marks"
                let answer = try await expectQuick(sent, on: platform) {
                    try await api.send(operation.method, operation.path(), [field.name: .string(Self.marks)])
                }
                expectProblem(answer, 422, sent: sent)
                #expect(answer.errors.contains { $0.loc == ["body", field.name] }, "\(sent) → \(answer.text)")
            }
        }
        #expect(try await api.get("/health/ready").status == 200)
    }

    /// The reported inputs, sent without signing in.
    @Test(arguments: Deployment.allCases)
    func signInAndRegistrationRefuseLongTexts(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = platform.api
        let login = try await expectQuick("a password", on: platform) {
            try await api.post("/api/auth/login", ["username": "admin", "password": .string(Self.marks)])
        }
        expectProblem(login, 422)
        expectErrors(login, "body.password too_long")
        let short = JSONValue.string("a" + String(repeating: "\u{301}\u{316}", count: 50))
        let register = try await api.post(
            "/api/auth/register",
            ["email": "marks@example.com", "username": "marks", "password": short, "first_name": short])
        expectErrors(register, "body.password invalid_text", "body.first_name invalid_text")
    }

    @Test(arguments: Deployment.allCases)
    func limitsMemberNames(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations where operation.takesBody {
            let sent = "\(operation.method) \(operation.template): a name of combining marks"
            let answer = try await expectQuick(sent, on: platform) {
                try await api.send(operation.method, operation.path(), .object([(Self.marks, .number("1"))]))
            }
            expectProblem(answer, 400, code: "malformed_json", sent: sent)
        }
    }

    @Test(arguments: Deployment.allCases)
    func refusesUnknownMembersByName(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        for operation in try await APIDocument.read(api).operations where operation.takesBody {
            let answer = try await api.send(operation.method, operation.path(), ["nonsense": 1])
            expectProblem(answer, 422, sent: operation.template)
            #expect(
                answer.errors.contains { $0.summary == "body.nonsense unknown_member" },
                "\(operation.method) \(operation.template) → \(answer.text)")
        }
        let products = Products(api: api)
        let answer = try await api.patch(try await products.addedPath(), ["pirce": 1])
        #expect(answer.errors.first?.message.contains("Did you mean 'price'?") == true, "\(answer.text)")
    }

    /// A change of one's own account with as many members as fit.
    @Test(arguments: Deployment.allCases)
    func limitsTheMembersOfABody(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let api = platform.api.with(person.token)
        func members(_ count: Int) -> JSONValue { .object((0..<count).map { ("n\($0)", "x") }) }
        let most = try await expectQuick("9,000 unknown members", on: platform) {
            try await api.patch("/api/auth/me", members(9000))
        }
        expectProblem(most, 422)
        #expect(most.errors.count == 20)
        #expect(try most.json()["more_errors"] == 8980)
        let many = try await expectQuick("60,000 unknown members", on: platform) {
            try await api.patch("/api/auth/me", members(60_000))
        }
        expectProblem(many, 413, code: "content_too_large")
        let links = try await expectQuick("5,000 bad links", on: platform) {
            try await api.patch("/api/auth/me", ["profile": ["social_links": members(5000)]])
        }
        expectErrors(links, "body.profile.social_links too_long")
        let bad = JSONValue.object((0..<20).map { ("n\($0)", "nonsense") })
        let twenty = try await api.patch("/api/auth/me", ["first_name": 1, "profile": ["social_links": bad]])
        #expect(twenty.errors.count == 20)
        #expect(try twenty.json()["more_errors"] == 1)
    }

    @Test(arguments: Deployment.allCases)
    func limitsParametersAndLists(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = platform.api
        let parameters = try await expectQuick("?a&a…", on: platform) {
            try await api.get(Products.path + "?" + Array(repeating: "a", count: 3000).joined(separator: "&"))
        }
        expectErrors(parameters, "query too_many_parameters")
        let ordering = try await expectQuick("ordering=a,a…", on: platform) {
            try await api.get(
                Products.path + "?ordering=" + Array(repeating: "a", count: 3000).joined(separator: ","))
        }
        expectErrors(ordering, "query.ordering too_long")
        let names = try await expectQuick("names of combining marks", on: platform) {
            try await api.get(Products.path + "?" + String(repeating: "%CC%81", count: 40) + "=1")
        }
        #expect(names.errors.map(\.code) == ["unknown_parameter"])
        let hint = try await api.get(Products.path + "?categry=Tea&ordering=pirce")
        #expect(hint.errors.contains { $0.message.contains("'category'") }, "\(hint.text)")
        #expect(hint.errors.contains { $0.message.contains("'price'") }, "\(hint.text)")
    }

    /// A megabyte of the worst input for a parser, sent without signing in.
    @Test(arguments: Deployment.allCases)
    func rejectsHostileBodies(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = platform.api
        func filled(_ start: String, _ unit: String, _ end: String) -> String {
            start + String(repeating: unit, count: (1_040_000 - start.utf8.count) / unit.utf8.count) + end
        }
        let bodies = [
            "duplicates": filled(#"{"a":1"#, #","a":1"#, "}"),
            "members": "{\((0..<80_000).map { #""m\#($0)":1"# }.joined(separator: ","))}",
            "elements": filled("[1", ",1", "]"), "objects": filled("[{}", ",{}", "]"),
            "nesting": String(repeating: "[", count: 500_000) + String(repeating: "]", count: 500_000),
            "a number": filled(#"{"password":1"#, "9", "}"), "an exponent": filled(#"{"password":1e"#, "9", "}"),
            "escapes": filled(#"{"password":""#, #"\u0301"#, #""}"#),
            "escaped pairs": filled(#"{"password":""#, #"\ud83d\ude00"#, #""}"#),
            "a name of escapes": filled(#"{""#, #"\u0316\u0301"#, #"":1}"#), "blanks": filled("{", " ", "}"),
            "ideographs": filled(#"{"password":""#, "\u{8336}", #""}"#),
        ]
        for path in ["/api/auth/login", "/api/auth/register"] {
            for (name, body) in bodies {
                let answer = try await expectQuick("\(name) to \(path)", on: platform) {
                    try await api.send("POST", path, body: Array(body.utf8))
                }
                #expect([400, 413, 422].contains(answer.status), "\(name) to \(path) → \(answer.status)")
                expectProblem(answer, answer.status, sent: "\(name) to \(path)")
            }
        }
        #expect(try await api.get("/health/ready").status == 200)
    }
}

/// How texts, numbers and times in an input are read.
@Suite(.inTurn) struct UnderstandingTests {
    @Test(arguments: Deployment.allCases)
    func rejectsBlankNamesAndStoresComposedText(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let products = try await Products.asAdministrator(platform)
        for blank in ["  ", "\u{3000}", "\t"] {
            let answer = try await products.api.post(Products.path, ["name": .string(blank), "price": 1])
            expectErrors(answer, "body.name blank")
        }
        let name = "Cafe\u{301} \(platform.port)"
        let made = try await products.api.post(Products.path, ["name": .string(name), "price": 1])
        let stored = try made.json()["name"]?.stringValue ?? ""
        #expect(stored.unicodeScalars.elementsEqual("Caf\u{E9} \(platform.port)".unicodeScalars))
        for spelling in [name, stored] {
            let found = try await products.api.get(Products.path + query(["name": spelling])).json()
            #expect(found["total"] == 1)
            let searched = try await products.api.get(Products.path + query(["search": spelling])).json()
            #expect(searched["total"] == 1)
        }
    }

    @Test(arguments: Deployment.allCases)
    func acceptsAnyNotationOfIntegers(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for (text, stock) in [("5.0", 5), ("5e1", 50), ("0.0", 0)] {
            let made = try await products.api.post(
                Products.path, ["name": "Counted", "price": 1, "stock": .number(text)])
            #expect(made.status == 201, "\(made.text)")
            #expect(try made.json()["stock"]?.intValue == stock)
        }
        let half = try await products.api.post(
            Products.path, ["name": "Counted", "price": 1, "stock": .number("0.5")])
        expectErrors(half, "body.stock not_an_integer")
    }

    @Test(arguments: Deployment.allCases)
    func understandsTimesInQueries(_ deployment: Deployment) async throws {
        let api = try await deployment.platform().api
        for time in [
            "2026-11-27T00:00:00+08:00", "2026-11-27T00:00:00%2B08:00", "2026-11-27", "2026-11-27T00:00",
            "2026-11-27%2008:00", "2026-11-27T00:00:00.5Z",
        ] {
            let answer = try await api.get("\(Products.path)?created_at__gte=\(time)&limit=1")
            #expect(answer.status == 200, "\(time) → \(answer.text)")
        }
        let wrong = try await api.get(Products.path + "?created_at__gte=27.11.2026")
        expectErrors(wrong, "query.created_at__gte invalid_timestamp")
        #expect(wrong.errors.first?.message.contains("2026-01-31T12:00:00Z") == true)
    }

    /// A resource can be sent back exactly as it was read.
    @Test(arguments: Deployment.allCases)
    func acceptsWhatItReturned(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let products = try await Products.asAdministrator(platform)
        let path = try await products.addedPath()
        let read = try await products.api.get(path).json()
        let written = try await products.api.put(path, read)
        #expect(written.status == 200, "\(written.text)")
        let person = try await platform.people.newcomer()
        let me = platform.api.with(person.token)
        let own = try await me.get("/api/auth/me").json()
        #expect(try await me.patch("/api/auth/me", own).status == 200)
        let secret = try await me.patch("/api/auth/me", ["password": "Marble-lantern-58-brisk"])
        expectErrors(secret, "body.password unknown_member")
    }
}
