import MartletCore
import MartletTesting
import Testing

/// Signing in, staying signed in and signing out, for clients that store their own tokens.
@Suite(.inTurn) struct SessionTests {
    @Test(arguments: Deployment.allCases)
    func signsInByEmailOrUsernameCaseInsensitively(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let password = JSONValue.string(person.password)
        for name: JSONValue in [
            ["email": .string(person.email), "password": password],
            ["email": .string(person.email.uppercased()), "password": password],
            ["username": .string(person.username), "password": password],
        ] {
            let answer = try await platform.api.post("/api/auth/login", name)
            #expect(answer.status == 200, "\(answer.text)")
            let json = try answer.json()
            #expect(json["token_type"] == "Bearer")
            #expect((json["expires_in"]?.intValue ?? 0) > 0)
            #expect(json["access_token"]?.stringValue?.split(separator: ".").count == 3)
            #expect(json["refresh_token"]?.stringValue?.isEmpty == false)
            #expect(json["user"]?["id"]?.intValue == person.id)
            #expect(json["user"]?["last_login"]?.stringValue != nil)
            #expect(json["user"]?["last_login_ip"]?.stringValue == "127.0.0.1")
            #expect(answer.header("Cache-Control") == "no-store")
        }
    }

    /// The responses to a wrong password and an unknown user are identical, except for the request id.
    @Test(arguments: Deployment.allCases)
    func doesNotRevealWhichAccountsExist(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        func essence(_ name: String, _ value: String) async throws -> ([(String, JSONValue)], [String]) {
            let answer = try await platform.api.post(
                "/api/auth/login", [(name): .string(value), "password": "Wrong-umbrella-73-vivid"])
            expectProblem(answer, 401, code: "invalid_credentials", instance: "/api/auth/login")
            return (
                try answer.json().objectValue?.filter { $0.0 != "request_id" } ?? [],
                answer.headers.map(\.name).map { $0.lowercased() }.sorted()
            )
        }
        let wrong = try await essence("email", person.email)
        for other in [
            try await essence("email", "\(uniqueName("ghost"))@example.com"),
            try await essence("username", person.username),
            try await essence("username", uniqueName("ghost")), try await essence("email", "not an address"),
        ] {
            #expect(JSONValue.object(other.0) == JSONValue.object(wrong.0))
            #expect(other.1 == wrong.1)
        }
    }

    @Test(arguments: Deployment.allCases)
    func rotatesRefreshTokens(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        var token = person.refreshToken
        for _ in 0..<3 {
            let answer = try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(token)])
            #expect(answer.status == 200, "\(answer.text)")
            let next = try #require(try answer.json()["refresh_token"]?.stringValue)
            #expect(next != token)
            let access = try #require(try answer.json()["access_token"]?.stringValue)
            #expect(try await platform.api.with(access).get("/api/auth/me").status == 200)
            token = next
        }
    }

    @Test(arguments: Deployment.allCases)
    func reusedRefreshTokenEndsTheSession(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let stolen: JSONValue = ["refresh_token": .string(person.refreshToken)]
        let first = try await platform.api.post("/api/auth/refresh", stolen)
        #expect(first.status == 200)
        let next = try #require(try first.json()["refresh_token"])
        let second = try await platform.api.post("/api/auth/refresh", ["refresh_token": next])
        #expect(second.status == 200)
        expectProblem(try await platform.api.post("/api/auth/refresh", stolen), 401, code: "session_ended")
        // The first client has lost the session too, with all its access tokens.
        let last = try #require(try second.json()["refresh_token"])
        expectProblem(try await platform.api.post("/api/auth/refresh", ["refresh_token": last]), 401)
        let access = try #require(try second.json()["access_token"]?.stringValue)
        for token in [person.token, access] {
            expectProblem(try await platform.api.with(token).get("/api/auth/me"), 401, code: "session_ended")
            expectProblem(try await platform.api.post("/api/auth/verify-token", ["token": .string(token)]), 401)
        }
    }

    @Test(arguments: Deployment.allCases)
    func concurrentRefreshSucceedsOnce(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let answers = try await withThrowingTaskGroup(of: Response.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(person.refreshToken)])
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let winners = answers.filter { $0.status == 200 }
        #expect(winners.count == 1)
        for answer in answers where answer.status != 200 { expectProblem(answer, 401, code: "refresh_token_used") }
        let winner = try #require(try winners.first?.json())
        let access = try #require(winner["access_token"]?.stringValue)
        #expect(try await platform.api.with(access).get("/api/auth/me").status == 200)
        let next = try await platform.api.post(
            "/api/auth/refresh", ["refresh_token": #require(winner["refresh_token"])])
        #expect(next.status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func endsWithLogout(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let token: JSONValue = ["refresh_token": .string(person.refreshToken)]
        #expect(try await platform.api.with(person.token).get("/api/auth/me").status == 200)
        let answer = try await platform.api.post("/api/auth/logout", token)
        #expect(answer.status == 204)
        expectProblem(try await platform.api.post("/api/auth/refresh", token), 401)
        expectProblem(try await platform.api.with(person.token).get("/api/auth/me"), 401, code: "session_ended")
        #expect(try await platform.api.post("/api/auth/logout", token).status == 204, "a repeated sign-out is harmless")
    }

    @Test(arguments: Deployment.allCases)
    func rejectsInvalidRefreshTokens(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        for token in ["nonsense", person.token, person.refreshToken + "x", String(repeating: "A", count: 512)] {
            let answer = try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(token)])
            #expect(answer.status == 401 || answer.status == 422, "\(answer.text)")
            expectProblem(answer)
        }
        expectProblem(try await platform.api.post("/api/auth/refresh", [:]), 401)
        #expect(
            try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(person.refreshToken)]).status
                == 200,
            "the session stays open")
    }

    @Test(arguments: Deployment.allCases)
    func reportsWhatATokenAllows(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.holder(of: ["catalog.add_product"])
        let answer = try await platform.api.post("/api/auth/verify-token", ["token": .string(person.token)])
        #expect(answer.status == 200)
        let json = try answer.json()
        #expect(json["valid"] == true)
        #expect(json["user_id"]?.intValue == person.id)
        #expect(json["permissions"] == ["catalog.add_product"])
        #expect(json["expires_at"]?.stringValue?.hasSuffix("Z") == true)
        expectProblem(try await platform.api.post("/api/auth/verify-token", ["token": "nonsense"]), 401)
    }
}
