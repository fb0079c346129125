import MartletCore
import MartletData
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

@Suite struct UserAdministrationTests {
    private let all = ["accounts.view_user", "accounts.add_user", "accounts.change_user", "accounts.delete_user"]

    @Test(arguments: TestStore.allCases) func staffCannotGrantRights(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let clerk = try await accounts.staff("clerk", all)
            let ada = try await accounts.register("ada@example.org", "ada")
            for right: JSONValue in [
                ["is_staff": true], ["is_superuser": true], ["permissions": ["catalog.add_product"]],
            ] {
                let update = try await problem { try await accounts.update(ada.id, right, by: clerk) }
                #expect(update.status == 403)
                #expect(update.code == "permission_denied")
                var body: [(String, JSONValue)] = [
                    ("email", "new@example.org"), ("username", "newcomer"), ("password", .string(goodPassword)),
                ]
                body += right.objectValue ?? []
                let create = try await problem { [body] in
                    try await accounts.service.create(accounts.context(clerk.principal), input(body.json))
                }
                #expect(create.status == 403)
                // They cannot add them to themselves either.
                let own = try await problem {
                    try await accounts.update(clerk.userID, ["is_superuser": true], by: clerk)
                }
                #expect(own.status == 403)
            }
            let changed = try await accounts.update(ada.id, ["department": "Engines", "is_staff": false], by: clerk)
            #expect(changed.department == "Engines")
        }
    }

    @Test(arguments: TestStore.allCases) func staffCannotTakeOverMorePrivilegedUsers(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let clerk = try await accounts.staff("clerk", all)
            let seller = try await accounts.staff("seller", ["catalog.add_product"])
            let root = try await accounts.administrator()
            for change: JSONValue in [
                ["password": .string(otherPassword)], ["email": "clerk2@example.org"], ["is_active": false],
                ["username": "seller2"], ["department": "x"],
            ] {
                #expect(try await problem { try await accounts.update(seller.userID, change, by: clerk) }.status == 403)
                #expect(try await problem { try await accounts.update(root.userID, change, by: clerk) }.status == 403)
            }
            for target in [seller, root] {
                let refused = try await problem {
                    try await accounts.service.delete(accounts.context(clerk.principal), target.userID)
                }
                #expect(refused.status == 403)
            }
            // They cannot reactivate a user whom a superuser deactivated.
            _ = try await accounts.update(seller.userID, ["is_active": false], by: root)
            #expect(
                try await problem { try await accounts.update(seller.userID, ["is_active": true], by: clerk) }.status
                    == 403)
            let renamed = try await problem {
                try await accounts.update(root.userID, ["first_name": "R"], by: clerk)
            }
            #expect(renamed.status == 403)
        }
    }

    @Test(arguments: TestStore.allCases) func changingOnesPasswordRequiresTheCurrentOne(
        store: TestStore
    ) async throws {
        try await withAccounts(store) { accounts in
            let clerk = try await accounts.staff("clerk", all)
            let root = try await accounts.administrator()
            for actor in [clerk, root] {
                let refused = try await problem {
                    try await accounts.update(actor.userID, ["password": .string(otherPassword)], by: actor)
                }
                #expect(refused.status == 403)
                #expect(refused.code == "own_password")
            }
            _ = try await accounts.login("username", "clerk")
        }
    }

    @Test(arguments: TestStore.allCases) func demotionInvalidatesTokens(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let clerk = try await accounts.staff("clerk", all)
            let ada = try await accounts.register("ada@example.org", "ada")
            let root = try await accounts.administrator()
            _ = try await accounts.update(clerk.userID, ["permissions": []], by: root)
            let refused = try await problem { try await accounts.update(ada.id, ["phone": "12345"], by: clerk) }
            #expect(refused.code == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases) func lastSuperuserCannotBeRemoved(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            #expect(
                try await problem { try await accounts.update(root.userID, ["is_active": false], by: root) }.code
                    == "own_account")
            #expect(
                try await problem {
                    try await accounts.service.delete(accounts.context(root.principal), root.userID)
                }.code == "own_account")
            let last = try await problem { try await accounts.update(root.userID, ["is_superuser": false], by: root) }
            #expect(last.status == 409)
            #expect(last.code == "last_superuser")
        }
    }

    @Test(arguments: TestStore.allCases) func twoSuperusersCannotRemoveEachOther(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            let second: JSONValue = [
                "email": "second@example.org", "username": "second", "password": .string(goodPassword),
                "is_superuser": true,
            ]
            _ = try await accounts.service.create(accounts.context(root.principal), input(second))
            let other = try await accounts.login("username", "second")
            await withTaskGroup(of: Void.self) { group in
                for (actor, target) in [(root, other), (other, root)] {
                    group.addTask { _ = try? await accounts.update(target.userID, ["is_superuser": false], by: actor) }
                    group.addTask {
                        _ = try? await accounts.service.delete(accounts.context(actor.principal), target.userID)
                    }
                }
            }
            #expect(
                try await accounts.database.count(
                    "SELECT count(*) FROM users WHERE is_superuser = \(true) AND is_active = \(true)") == 1)
        }
    }

    @Test(arguments: TestStore.allCases) func changingPasswordOrRightsEndsSessions(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            try await accounts.register("ada@example.org", "ada")
            var password = goodPassword
            for change: JSONValue in [
                ["is_staff": true], ["permissions": ["catalog.add_product"]], ["password": .string(otherPassword)],
            ] {
                let ada = try await accounts.login("username", "ada", password: password)
                _ = try await accounts.update(ada.userID, ["department": "x"], by: root)
                let next = try await accounts.refresh(ada.refreshToken)
                _ = try await accounts.update(ada.userID, change, by: root)
                if change["password"] != nil { password = otherPassword }
                #expect(try await problem { try await accounts.refresh(next.refreshToken) }.code == "session_ended")
            }
            let ada = try await accounts.login("username", "ada", password: password)
            #expect(ada.principal.permissions == ["catalog.add_product"])
            _ = try await accounts.service.delete(accounts.context(root.principal), ada.userID)
            #expect(try await problem { try await accounts.refresh(ada.refreshToken) }.code == "invalid_token")
            #expect(
                try await problem { try await accounts.service.me(accounts.context(ada.principal)) }.code
                    == "session_ended")
        }
    }

    @Test(arguments: TestStore.allCases) func changesRequireTheCurrentVersion(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            let ada = try await accounts.register("ada@example.org", "ada")
            let seen = accounts.context(root.principal, ifMatch: ada.entityTag)
            let changed = try await accounts.service.update(seen, ada.id, patch(["phone": "+49 30 1234"]))
            #expect(changed.entityTag != ada.entityTag)
            for attempt in [
                { _ = try await accounts.service.update(seen, ada.id, patch(["phone": "12345"])) },
                { _ = try await accounts.service.delete(seen, ada.id) },
            ] as [() async throws -> Void] {
                #expect(try await problem(attempt).status == 412)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func signInDoesNotChangeTheVersion(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let ada = try await accounts.register("ada@example.org", "ada")
            _ = try await accounts.login("username", "ada")
            let read = try await accounts.service.users.find(ada.id)
            // The representation differs, for caches, but the version is the same, for changes.
            #expect(read.entityTag != ada.entityTag)
            #expect(read.updatedAt == ada.updatedAt)
            let root = try await accounts.administrator()
            let seen = accounts.context(root.principal, ifMatch: ada.entityTag)
            let changed = try await accounts.service.update(seen, ada.id, patch(["phone": "12345"]))
            #expect(changed.phone == "12345")
        }
    }

    @Test(arguments: TestStore.allCases) func replacingAppliesDefaults(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            let seller = try await accounts.staff("seller", ["catalog.add_product"])
            let body: JSONValue = ["email": "seller@example.org", "username": "seller", "last_name": "S"]
            let replaced = try await accounts.service.replace(
                accounts.context(root.principal), seller.userID, input(body))
            #expect(!replaced.isStaff && replaced.permissions.isEmpty && replaced.lastName == "S")
            _ = try await accounts.login("username", "seller")
        }
    }

    @Test(arguments: TestStore.allCases) func listsAndSearches(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            try await accounts.register("ada@example.org", "ada")
            try await accounts.register("bob@example.org", "bob")
            let contract = ListContract<User>()
            func names(_ query: [(String, String)]) async throws -> [String] {
                let query = try contract.read(query.map { (name: $0.0, value: $0.1) })
                return try await accounts.service.list(accounts.context(root.principal), query).items.map(\.username)
            }
            #expect(try await names([("ordering", "-username")]) == ["bob", "admin", "ada"])
            #expect(try await names([("search", "ADA@")]) == ["ada"])
            #expect(try await names([("is_superuser", "false"), ("limit", "1"), ("skip", "1")]) == ["bob"])
            #expect(try await names([("username__in", "ada,bob"), ("created_at__lt", "2020-01-01T00:00:00Z")]) == [])
            for secret in ["password_hash", "password", "email_key", "profile", "permissions"] {
                #expect(throws: Problem.self) { try contract.read([(name: secret, value: "x")]) }
            }
        }
    }

    @Test func everyRouteDeclaresItsAccess() async throws {
        try await withAccounts { accounts in
            let routes = accounts.service.routes
            #expect(routes.count == 16)
            for route in routes {
                let access = try #require(route.access, "\(route.method) \(route.path)")
                if route.path.hasPrefix("/api/users") {
                    guard case .permission(let name, staffOnly: true) = access else {
                        Issue.record("\(route.method) \(route.path) is not for staff")
                        continue
                    }
                    #expect(name.hasPrefix("accounts.") && name.hasSuffix("_user"))
                }
            }
        }
    }

    @Test(arguments: [
        "catalog", "catalog.", ".add", "Catalog.add_product", "catalog.add product", "catalog.addproduct",
        "catalog.add_", "a.b_c.d_e", "catalog.add_product\n", String(repeating: "a", count: 100) + ".b_c",
        "_a.b_c", "a_.b_c", "a__b.c_d", "1a.b_c",
    ])
    func rejectsInvalidPermissions(name: String) {
        #expect(throws: ScalarIssue.self) { try Permission(reading: .text(name)) }
    }

    @Test(arguments: [
        "catalog.add_product", "accounts.view_user", "orders.change_order_line", "files2.view_file",
        "tea_suppliers.add_tea_supplier",
    ])
    func acceptsPermissions(name: String) throws {
        #expect(try Permission(reading: .text(name)).text == name)
    }
}
