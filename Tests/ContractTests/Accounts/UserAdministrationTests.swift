import MartletCore
import MartletTesting
import Testing

/// Members of staff and the accounts of others.
@Suite(.inTurn) struct UserAdministrationTests {
    private func input(_ name: String) -> [(String, JSONValue)] {
        [
            ("email", .string("\(name)@example.com")), ("username", .string(name)),
            ("password", .string(People.password)),
        ]
    }

    /// Adds a user. Default: as the administrator.
    private func add(_ fields: JSONValue, _ name: String = uniqueName("user"), as api: API) async throws -> Response {
        try await api.post("/api/users", .object(input(name) + (fields.objectValue ?? [])))
    }

    @Test(arguments: Deployment.allCases)
    func followsAUserFromCreationToDeletion(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        let name = uniqueName("user")
        let created = try await add(
            [
                "department": "Tea", "position": "Taster", "is_verified": true, "is_staff": true,
                "permissions": ["catalog.add_product"],
            ], name, as: api)
        #expect(created.status == 201, "\(created.text)")
        let user = try created.json()
        let path = "/api/users/\(try #require(user["id"]?.intValue))"
        #expect(created.header("Location") == path)
        #expect(user["permissions"] == ["catalog.add_product"])
        let read = try await api.get(path)
        #expect(try read.json() == user)
        let tag = try #require(read.header("ETag"))

        let patched = try await api.patch(path, ["position": "Chief taster"], ["If-Match": tag])
        #expect(try patched.json()["position"] == "Chief taster")
        #expect(try patched.json()["department"] == "Tea")
        expectProblem(try await api.patch(path, ["position": "x"], ["If-Match": tag]), 412)
        let replaced = try await api.put(
            path, ["email": .string("\(name)@example.com"), "username": .string(name), "first_name": "New"])
        #expect(replaced.status == 200, "\(replaced.text)")
        #expect(try replaced.json()["department"] == "")
        #expect(try replaced.json()["first_name"] == "New")
        #expect(try replaced.json()["is_staff"] == false)
        #expect(try replaced.json()["permissions"] == [])

        #expect(try await api.delete(path).status == 204)
        expectProblem(try await api.get(path), 404, code: "not_found", instance: path)
    }

    @Test(arguments: Deployment.allCases)
    func findsAndFiltersUsers(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.administratorAPI()
        let department = uniqueName("Abteilung")
        let name = uniqueName("anna")
        _ = try await add(["department": .string(department), "first_name": "Änne"], name, as: api)
        _ = try await add(["department": .string(department), "is_active": false, "is_staff": true], as: api)
        func total(_ pairs: KeyValuePairs<String, String>) async throws -> Int? {
            try await api.get("/api/users" + query(["department": department]) + query(pairs).replacing("?", with: "&"))
                .json()["total"]?.intValue
        }
        #expect(try await total([:]) == 2)
        #expect(try await total(["search": "änNE"]) == 1)
        #expect(try await total(["search": name.uppercased()]) == 1)
        #expect(try await total(["is_active": "false"]) == 1)
        #expect(try await total(["is_staff": "true", "is_superuser": "false"]) == 1)
        #expect(try await total(["created_at__gte": "2999-01-01T00:00:00Z"]) == 0)
        let answer = try await api.get("/api/users?pasword=x&password_hash=x&ordering=password_hash")
        expectProblem(answer, 422)
        expectErrors(
            answer, "query.ordering unknown_field", "query.password_hash unknown_parameter",
            "query.pasword unknown_parameter")
    }

    private static let permissions = [
        "accounts.add_user", "accounts.change_user", "accounts.delete_user", "accounts.view_user",
    ]

    @Test(arguments: Deployment.allCases)
    func requiresThePermissionAndAStaffAccount(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let name = uniqueName("user")
        let victim = try await add([:], name, as: platform.administratorAPI()).json()
        let one = "/api/users/\(victim["id"]?.intValue ?? 0)"
        let uses: [(permission: String, method: String, path: String, body: JSONValue?)] = [
            ("accounts.view_user", "GET", "/api/users?limit=1", nil), ("accounts.view_user", "GET", one, nil),
            ("accounts.add_user", "POST", "/api/users", .object(input(uniqueName("user")))),
            ("accounts.change_user", "PATCH", one, ["first_name": "Changed"]),
            (
                "accounts.change_user", "PUT", one,
                ["email": .string("\(name)@example.com"), "username": .string(name)]
            ),
            ("accounts.delete_user", "DELETE", one, nil),
        ]
        let notStaff = platform.api.with(try await platform.people.holder(of: Self.permissions).token)
        let staff = try await platform.api(isStaff: true)
        for use in uses {
            let sent = "\(use.method) \(use.path)"
            func ask(_ api: API) async throws -> Response {
                try await api.send(use.method, use.path, body: use.body?.bytes)
            }
            expectProblem(try await ask(platform.api), 401, sent: sent)
            expectProblem(try await ask(notStaff), 403, code: "permission_denied", sent: "\(sent) without staff")
            expectProblem(try await ask(staff), 403, code: "permission_denied", sent: "\(sent) without permission")
            for other in Self.permissions where other != use.permission {
                let api = try await platform.api(with: other, isStaff: true)
                expectProblem(try await ask(api), 403, code: "permission_denied", sent: "\(sent) with \(other)")
            }
            let answer = try await ask(try await platform.api(with: use.permission, isStaff: true))
            #expect((200..<300).contains(answer.status), "\(sent) with \(use.permission): \(answer.text)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func cannotGrantRightsOneLacks(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let administrator = try await platform.administratorAPI()
        let adder = try await platform.api(with: "accounts.add_user", isStaff: true)
        let changer = try await platform.api(with: "accounts.change_user", isStaff: true)
        let changerID = try await platform.people.holder(of: ["accounts.change_user"], isStaff: true).id
        let deleter = try await platform.api(with: "accounts.delete_user", isStaff: true)
        let victim = try await add([:], as: administrator).json()
        let paths = ["/api/users/\(victim["id"]?.intValue ?? 0)", "/api/users/\(changerID)"]
        let raises: [JSONValue] = [
            ["is_staff": true], ["is_superuser": true], ["permissions": ["catalog.add_product"]],
        ]
        for raise in raises {
            expectProblem(try await add(raise, as: adder), 403, code: "permission_denied", sent: "\(raise)")
        }
        for path in paths {
            expectProblem(try await changer.patch(path, ["is_superuser": true]), 403, sent: path)
            expectProblem(try await changer.patch(path, ["permissions": ["accounts.add_user"]]), 403, sent: path)
        }
        // Setting the password or address of a more privileged user would allow taking over their account.
        let person = try await platform.people.administrator()
        let above = "/api/users/\(person.id)"
        for change: JSONValue in [
            ["password": "Marble-lantern-58-brisk"], ["email": "taken-over@example.com"], ["is_active": false],
            ["first_name": "x"],
        ] {
            expectProblem(try await changer.patch(above, change), 403, sent: "\(change)")
        }
        expectProblem(try await deleter.delete(above), 403)
        let stronger = try await add(["permissions": ["accounts.add_user"]], as: administrator).json()
        expectProblem(
            try await changer.patch(
                "/api/users/\(stronger["id"]?.intValue ?? 0)", ["password": "Marble-lantern-58-brisk"]), 403)
        #expect(try await administrator.get("/api/auth/me").json()["is_superuser"] == true)
    }

    @Test(arguments: Deployment.allCases)
    func cannotLockOneselfOut(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.administrator()
        let api = platform.api.with(person.token)
        expectProblem(try await api.patch("/api/users/\(person.id)", ["is_active": false]), 409, code: "own_account")
        expectProblem(try await api.delete("/api/users/\(person.id)"), 409, code: "own_account")
    }

    @Test(arguments: Deployment.allCases)
    func deactivatedUsersAreSignedOut(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let person = try await platform.people.newcomer()
        let administrator = try await platform.administratorAPI()
        #expect(try await administrator.patch("/api/users/\(person.id)", ["is_active": false]).status == 200)
        expectProblem(try await platform.api.with(person.token).get("/api/auth/me"), 401)
        expectProblem(
            try await platform.api.post("/api/auth/refresh", ["refresh_token": .string(person.refreshToken)]), 401)
        expectProblem(
            try await platform.api.post(
                "/api/auth/login", ["email": .string(person.email), "password": .string(person.password)]),
            401, code: "invalid_credentials")
    }

    /// An access token contains the rights at the time of issue, so a change of rights invalidates it.
    @Test(arguments: Deployment.allCases)
    func revokedRightsTakeEffect(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let administrator = try await platform.administratorAPI()
        let name = uniqueName("user")
        let user = try await add(["is_staff": true, "permissions": ["accounts.view_user"]], name, as: administrator)
            .json()
        let person = try await People.signIn("\(name)@example.com", password: People.password, platform.api)
        let api = platform.api.with(person.token)
        #expect(try await api.get("/api/users?limit=1").status == 200)
        let taken = try await administrator.patch("/api/users/\(user["id"]?.intValue ?? 0)", ["permissions": []])
        #expect(taken.status == 200)
        let refused = try await api.get("/api/users?limit=1")
        #expect(refused.status == 401 || refused.status == 403, "\(refused.text)")
    }
}
