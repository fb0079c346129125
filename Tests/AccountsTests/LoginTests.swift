import MartletCore
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

@Suite struct LoginTests {
    @Test(arguments: TestStore.allCases) func signsInByAddressOrUsernameInAnyCase(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let user = try await accounts.register("Ada@Example.org", "Ada.Lovelace")
            for (field, name) in [
                ("email", "ada@example.ORG"), ("username", "ADA.LOVELACE"), ("email", " ada@example.org"),
            ] {
                let signedIn = try await accounts.login(field, name, address: "198.51.100.7")
                #expect(signedIn.userID == user.id)
                #expect(signedIn.json["token_type"] == "Bearer")
                #expect(signedIn.json["expires_in"] == 300)
                #expect(signedIn.json["user"]?["last_login_ip"] == "198.51.100.7")
                #expect(signedIn.json["user"]?["last_login"]?.stringValue == accounts.now.description)
                #expect(signedIn.answer.headers.contains { $0.name == "Cache-Control" && $0.value == "no-store" })
            }
        }
    }

    @Test func unknownNamesAreNotAccounts() async throws {
        try await withAccounts { accounts in
            let user = try await accounts.register("ada@example.org", "ada")
            for _ in 0..<10 {
                let refused = try await problem { try await accounts.login("username", "user \(user.id)") }
                #expect(refused.code == "invalid_credentials")
            }
            _ = try await accounts.login("username", "ada")
        }
    }

    @Test(arguments: TestStore.allCases) func answersAlikeForAnyFailure(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("ada@example.org", "ada")
            let root = try await accounts.administrator()
            let gone = try await accounts.register("gone@example.org", "gone")
            _ = try await accounts.update(gone.id, ["is_active": false], by: root)
            let wrong = try await problem { try await accounts.login("username", "ada", password: otherPassword) }
            let unknown = try await problem { try await accounts.login("username", "nobody") }
            let inactive = try await problem { try await accounts.login("username", "gone") }
            #expect(wrong.status == 401)
            #expect(wrong.code == "invalid_credentials")
            #expect(wrong == unknown)
            #expect(wrong == inactive)
        }
    }

    @Test func requiresAName() async throws {
        try await withAccounts { accounts in
            let refused = try await problem {
                try await accounts.service.login(accounts.context(), input(["password": "x"]))
            }
            #expect(refused.status == 422)
        }
    }

    @Test(arguments: ["ada", "nobody"]) func slowsDownGuessing(name: String) async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            func guess(_ password: String = otherPassword, from address: String = "192.0.2.1") async throws -> Int {
                do {
                    _ = try await accounts.login("username", name, password: password, address: address)
                    return 200
                } catch let problem as Problem {
                    return problem.status
                }
            }
            for _ in 0..<10 { #expect(try await guess() == 401) }
            let held = try await problem { try await accounts.login("username", name) }
            #expect(held.status == 429)
            #expect(held.headers.contains { $0.name == "Retry-After" && $0.value == "1" })
            #expect(try await guess(from: "192.0.2.2") == 401)
            // One second, then two, then four.
            for wait: Int64 in [1, 2, 4] {
                accounts.clock.advance(bySeconds: wait)
                #expect(try await guess() == 401)
                accounts.clock.advance(bySeconds: wait)
                #expect(try await guess() == 429)
            }
            accounts.clock.advance(bySeconds: 3600)
            #expect(try await guess() == 401)
        }
    }

    @Test(arguments: TestStore.allCases) func rehashesWhenTheCostChanges(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let user = try await accounts.register("ada@example.org", "ada")
            let dearer = try accounts.another { $0.passwordCost = PasswordCost(memory: 64, iterations: 2) }
            let body: JSONValue = ["username": "ada", "password": .string(goodPassword)]
            _ = try await dearer.login(accounts.context(), input(body))
            let hash = try await accounts.service.users.credentials(of: user.id)?.hash
            #expect(hash.flatMap { Argon2.cost(of: $0.encoded) }?.memory == 64)
            _ = try await accounts.login("username", "ada")
        }
    }
}
