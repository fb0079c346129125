import MartletCore
import MartletTesting
import Testing

/// Registration.
@Suite(.inTurn) struct RegistrationTests {
    private func input(_ name: String, _ more: JSONValue = [:]) -> JSONValue {
        .object(
            [
                ("email", .string("\(name)@example.com")), ("username", .string(name)),
                ("password", .string(People.password)),
            ] + (more.objectValue ?? []))
    }

    @Test(arguments: Deployment.allCases)
    func makesAnOrdinaryUser(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let name = uniqueName("Ünal")
        let answer = try await platform.api.post(
            "/api/auth/register", input(name, ["first_name": "Ayşe", "last_name": "Ünal", "phone": "+49 30 1234"]))
        #expect(answer.status == 201, "\(answer.text)")
        let user = try answer.json()
        let id = try #require(user["id"]?.intValue)
        #expect(answer.header("Location") == "/api/users/\(id)")
        #expect(user["username"] == .string(name))
        #expect(user["first_name"] == "Ayşe")
        #expect(user["phone"] == "+49 30 1234")
        #expect(user["is_active"] == true)
        for flag in ["is_verified", "is_staff", "is_superuser"] { #expect(user[flag] == false, "\(flag)") }
        #expect(user["permissions"] == [])
        #expect(user["last_login"] == .null)
        #expect(
            user["profile"] == [
                "bio": "", "birth_date": nil, "location": "", "website": "", "social_links": [:], "preferences": [:],
            ])
        #expect(!answer.text.contains("password") && !answer.text.contains("argon2"))
    }

    @Test(arguments: Deployment.allCases)
    func ignoresPrivilegedFields(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let answer = try await platform.api.post(
            "/api/auth/register",
            input(
                uniqueName("climber"),
                [
                    "is_staff": true, "is_superuser": true, "is_verified": true, "permissions": ["catalog.add_product"],
                    "id": 1,
                ]))
        #expect(answer.status == 201 || answer.status == 422, "\(answer.text)")
        guard answer.status == 201 else { return }
        let user = try answer.json()
        for flag in ["is_verified", "is_staff", "is_superuser"] { #expect(user[flag] == false, "\(flag)") }
        #expect(user["permissions"] == [])
        #expect(user["id"] != 1)
    }

    @Test(arguments: Deployment.allCases)
    func refusesTakenNamesCaseInsensitively(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let byEmail = try await platform.api.post(
            "/api/auth/register",
            [
                "email": .string(person.email.uppercased()), "username": .string(uniqueName("other")),
                "password": .string(People.password),
            ])
        expectProblem(byEmail, 409, code: "already_exists")
        expectErrors(byEmail, "body.email already_exists")
        let byName = try await platform.api.post(
            "/api/auth/register",
            [
                "email": .string("\(uniqueName("other"))@example.com"),
                "username": .string(person.username.uppercased()),
                "password": .string(People.password),
            ])
        expectProblem(byName, 409, code: "already_exists")
        expectErrors(byName, "body.username already_exists")
    }

    @Test(arguments: Deployment.allCases)
    func refusesWeakPasswords(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let name = uniqueName("weakling")
        let refused: [(String, String)] = [
            ("short", "password_too_short"), ("password1234", "password_too_common"),
            ("qwertyuiop", "password_too_common"), ("1234567890", "password_too_common"),
            ("P@ssw0rd2024!", "password_too_common"), (name + "1", "password_too_similar"),
        ]
        for (password, code) in refused {
            let answer = try await platform.api.post(
                "/api/auth/register",
                [
                    "email": .string("\(name)@example.com"), "username": .string(name), "password": .string(password),
                ])
            expectProblem(answer, 422, sent: password)
            #expect(answer.errors.map(\.summary) == ["body.password \(code)"], "\(password)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func reportsEveryInvalidFieldAtOnce(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let answer = try await platform.api.post(
            "/api/auth/register", ["email": "nobody", "username": "a b", "password": 5, "phone": "call me"])
        expectProblem(answer, 422, instance: "/api/auth/register")
        expectErrors(
            answer, "body.email invalid_email", "body.username invalid_format", "body.password not_a_string",
            "body.phone invalid_format")
        let empty = try await platform.api.post("/api/auth/register", [:])
        expectErrors(empty, "body.email required", "body.username required", "body.password required")
    }
}
