import MartletCore
import Testing

/// `verify-token`, as called by existing services.
@Suite(.inTurn) struct VerifyTokenTests {
    @Test(arguments: Deployment.allCases)
    func readsTheTokenFromTheHeader(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        for path in ["/api/auth/verify-token/", "/api/auth/verify-token"] {
            let answer = try await platform.api.with(person.token).send("POST", path)
            #expect(answer.status == 200, "\(path): \(answer.text)")
            let json = try answer.json()
            #expect(json["valid"] == true)
            #expect(json["user_id"]?.intValue == person.id)
            #expect(json["user"]?["id"]?.intValue == person.id)
            #expect(json["user"]?["username"] == .string(person.username))
            #expect(json["user"]?["email"] == .string(person.email))
            #expect(json["permissions"] == [])
            let body = try await platform.api.post(path, ["token": .string(person.token)])
            #expect(body.status == 200, "\(path): \(body.text)")

            for token in [nil, "nonsense", person.token + "A", person.token + "="] {
                let refused = try await platform.api.with(token).send("POST", path)
                expectProblem(refused, 401, sent: "\(path) \(token?.suffix(8) ?? "")")
                #expect(refused.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
            }
        }
        let out: JSONValue = ["refresh_token": .string(person.refreshToken)]
        #expect(try await platform.api.post("/api/auth/logout", out).status == 204)
        let ended = try await platform.api.with(person.token).send("POST", "/api/auth/verify-token/")
        expectProblem(ended, 401, code: "session_ended")
    }
}
