import MartletCore
import Testing

/// The sessions of browsers, with the refresh token in an HttpOnly cookie.
@Suite(.inTurn) struct CookieTests {
    /// The value and attributes of the only cookie in a response.
    private func cookie(_ answer: Response) throws -> (value: String, attributes: [String]) {
        let parts = try #require(answer.header("Set-Cookie")).split(separator: "; ").map(String.init)
        let first = try #require(parts.first)
        #expect(first.hasPrefix("martlet_refresh="))
        return (String(first.dropFirst("martlet_refresh=".count)), parts.dropFirst().map { $0.lowercased() })
    }

    private func refresh(_ api: API, _ cookie: String) async throws -> Response {
        try await api.post("/api/auth/refresh", [:], ["Cookie": "theme=dark; martlet_refresh=\(cookie)"])
    }

    private func signIn(_ platform: RunningPlatform) async throws -> (Person, Response) {
        let person = try await platform.people.newcomer()
        let answer = try await platform.api.post(
            "/api/auth/login", ["email": .string(person.email), "password": .string(person.password)])
        return (person, answer)
    }

    @Test(arguments: Deployment.allCases)
    func isHttpOnlyAndSameSite(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (_, answer) = try await signIn(platform)
        let (value, attributes) = try cookie(answer)
        #expect(try answer.json()["refresh_token"] == .string(value))
        #expect(attributes.contains("httponly"))
        #expect(attributes.contains("samesite=strict"))
        #expect(attributes.contains("path=/api/auth"))
        #expect(!attributes.contains("secure"), "it is not served over https")
        #expect(!attributes.contains { $0.hasPrefix("domain=") })
        #expect(attributes.contains { $0.hasPrefix("max-age=") && $0 != "max-age=0" })
    }

    @Test(arguments: Deployment.allCases)
    func continuesASession(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (person, answer) = try await signIn(platform)
        let continued = try await refresh(platform.api, cookie(answer).value)
        #expect(continued.status == 200, "\(continued.text)")
        #expect(try continued.json()["user"]?["id"]?.intValue == person.id)
        #expect(try cookie(continued).value != cookie(answer).value)
    }

    @Test(arguments: Deployment.allCases)
    func twoTabsCanRefreshAtOnce(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (_, answer) = try await signIn(platform)
        let value = try cookie(answer).value
        async let first = refresh(platform.api, value)
        async let second = refresh(platform.api, value)
        let answers = try await [first, second]
        #expect(answers.map(\.status) == [200, 200])
        for tab in answers { #expect(try await refresh(platform.api, cookie(tab).value).status == 200) }
    }

    @Test(arguments: Deployment.allCases)
    func graceAppliesToCookiesOnly(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (_, answer) = try await signIn(platform)
        let value = try cookie(answer).value
        #expect(try await refresh(platform.api, value).status == 200)
        let replayed = try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(value)])
        expectProblem(replayed, 401, code: "session_ended")
    }

    @Test(arguments: Deployment.allCases)
    func isClearedByLogoutAndRefusal(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (_, answer) = try await signIn(platform)
        let value = try cookie(answer).value
        let out = try await platform.api.post("/api/auth/logout", [:], ["Cookie": "martlet_refresh=\(value)"])
        #expect(out.status == 204)
        let refused = try await refresh(platform.api, value)
        expectProblem(refused, 401)
        for cleared in [out, refused] {
            let (value, attributes) = try cookie(cleared)
            #expect(value.isEmpty)
            #expect(attributes.contains("max-age=0"))
            #expect(attributes.contains("path=/api/auth"))
        }
    }

    /// A form on another site can send cookies, but not JSON.
    @Test(arguments: Deployment.allCases)
    func isNotAcceptedFromForms(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let (_, answer) = try await signIn(platform)
        let cookie = "martlet_refresh=\(try cookie(answer).value)"
        for type in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""] {
            let form = try await platform.api.send(
                "POST", "/api/auth/logout", body: Array("a=b".utf8), headers: ["Cookie": cookie, "Content-Type": type])
            expectProblem(form, 415, sent: type)
        }
        #expect(try await platform.api.post("/api/auth/refresh", [:], ["Cookie": cookie]).status == 200)
    }
}
