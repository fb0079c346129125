import MartletCore
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

@Suite struct OwnAccountTests {
    @Test(arguments: TestStore.allCases) func changingThePasswordEndsTheOtherSessions(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let here = try await accounts.login("username", "ada")
            let elsewhere = try await accounts.login("username", "ada")
            let before = try await accounts.service.users.find(here.userID).updatedAt
            let wrong: JSONValue = ["current_password": "not mine at all", "new_password": .string(otherPassword)]
            let refused = try await problem {
                try await accounts.service.changePassword(accounts.context(here.principal), input(wrong))
            }
            #expect(refused.errors.first?.code == "password_incorrect")
            #expect(refused.errors.first?.loc == ["body", "current_password"])
            let similar: JSONValue = [
                "current_password": .string(goodPassword), "new_password": "ada@example.or",
            ]
            let like = try await problem {
                try await accounts.service.changePassword(accounts.context(here.principal), input(similar))
            }
            #expect(like.errors.first?.code == "password_too_similar")
            let right: JSONValue = [
                "current_password": .string(goodPassword), "new_password": .string(otherPassword),
            ]
            accounts.clock.set(bySeconds: -60)
            _ = try await accounts.service.changePassword(accounts.context(here.principal), input(right))
            // This also holds after the clock was set back.
            #expect(try await accounts.service.users.find(here.userID).updatedAt > before)
            _ = try await accounts.refresh(here.refreshToken)
            #expect(try await problem { try await accounts.refresh(elsewhere.refreshToken) }.code == "session_ended")
            #expect(try await problem { try await accounts.login("username", "ada") }.code == "invalid_credentials")
            _ = try await accounts.login("username", "ada", password: otherPassword)
        }
    }

    @Test(arguments: TestStore.allCases) func usersCannotGrantThemselvesRights(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let me = try await accounts.login("username", "ada")
            let body: JSONValue = [
                "first_name": "Ada", "is_staff": true, "is_superuser": true, "is_verified": true,
                "permissions": ["accounts.change_user"], "email": "root@example.org", "id": 7,
            ]
            _ = try await accounts.service.updateMe(accounts.context(me.principal), patch(body))
            for secret in ["password", "password_hash", "email_key"] {
                let refused = try await problem {
                    try await accounts.service.updateMe(
                        accounts.context(me.principal), patch([(secret, .string("x"))].json))
                }
                #expect(refused.errors.map(\.code) == ["unknown_member"])
            }
            let user = try await accounts.service.users.find(me.userID)
            #expect(user.firstName == "Ada")
            #expect(!user.isStaff && !user.isSuperuser && !user.isVerified && user.permissions.isEmpty)
            #expect(user.email == "ada@example.org")
        }
    }

    @Test(arguments: TestStore.allCases) func mergesTheProfile(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let me = try await accounts.login("username", "ada")
            func change(_ profile: JSONValue) async throws -> JSONValue {
                let answer = try await accounts.service.updateMe(
                    accounts.context(me.principal), patch(["profile": profile])
                ).responseParts()
                return try JSONValue(parsing: answer.body ?? [])["profile"] ?? .null
            }
            _ = try await change([
                "bio": "Counts.", "birth_date": "1815-12-10",
                "social_links": ["b": "https://b.example", "a": "https://a.example"],
                "preferences": ["theme": "dark", "list": ["size": 20, "dense": true]],
            ])
            let profile = try await change([
                "location": "London", "social_links": ["a": nil, "c": "https://c.example"],
                "preferences": ["list": ["size": 50], "theme": nil],
            ])
            #expect(
                profile == [
                    "bio": "Counts.", "birth_date": "1815-12-10", "location": "London", "website": "",
                    "social_links": ["b": "https://b.example", "c": "https://c.example"],
                    "preferences": ["list": ["size": 50, "dense": true]],
                ])
            #expect(try await change(["birth_date": nil])["birth_date"] == .null)
        }
    }

    @Test(
        arguments: [
            (["birth_date": "2027-01-16"], "birth_date"), (["website": "javascript:alert(1)"], "website"),
            (["social_links": ["x": "ftp://x"]], "social_links"),
            (["social_links": ["": "https://x.example"]], "social_links"),
            (["preferences": []], "preferences"), (["bio": nil], "bio"), (["social_links": "x"], "social_links"),
            (["preferences": ["x": .string(String(repeating: "x", count: 16 * 1024))]], "preferences"),
            (["social_links": .object((0...20).map { ("n\($0)", "https://x.example") })], "social_links"),
        ] as [(JSONValue, String)])
    func rejectsAnInvalidProfile(profile: JSONValue, field: String) async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            let me = try await accounts.login("username", "ada")
            let refused = try await problem {
                try await accounts.service.updateMe(accounts.context(me.principal), patch(["profile": profile]))
            }
            #expect(refused.status == 422)
            #expect(refused.errors.first.map { Array($0.loc.prefix(3)) } == ["body", "profile", field])
        }
    }

    @Test(arguments: TestStore.allCases) func deactivatedUsersAreUnauthenticated(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let me = try await accounts.login("username", "ada")
            let root = try await accounts.administrator()
            _ = try await accounts.update(me.userID, ["is_active": false], by: root)
            for attempt in [
                { _ = try await accounts.service.me(accounts.context(me.principal)) },
                { _ = try await accounts.service.updateMe(accounts.context(me.principal), patch(["first_name": "x"])) },
                { _ = try await accounts.refresh(me.refreshToken) },
            ] as [() async throws -> Void] {
                #expect(try await problem(attempt).code == "session_ended")
            }
        }
    }
}
