import Contracts
import MartletCore
import MartletData
import MartletMessaging
import MartletTesting
import Testing

@testable import Accounts

/// What Accounts tells other services.
@Suite struct AccountEventTests {
    private struct Emitted: Decodable, Equatable {
        let type: String
        let subject: String
        let sequence: Int
        let data: String
    }

    private func events(_ accounts: Fixture) async throws -> [Emitted] {
        try await accounts.database.all(Emitted.self, "SELECT type, subject, sequence, data FROM outbox ORDER BY id")
    }

    @Test(arguments: TestStore.allCases) func tellsTheLifeOfAnAccount(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let root = try await accounts.administrator()
            let user = try await accounts.register("ada@example.org", "ada")
            let before = try await events(accounts).count
            _ = try await accounts.login("username", "ada")
            try await accounts.service.users.delete(user.id, if: .none, by: root.principal)
            let subject = "users/\(user.id)"
            let mine = try await events(accounts).filter { $0.subject == subject }
            #expect(
                mine.map(\.type) == [
                    UserRegistered.type, SessionStarted.type, SessionEnded.type, UserDeleted.type,
                ])
            #expect(mine.map(\.sequence) == [1, 2, 3, 4])
            #expect(before >= 1)
            let registered = try Payload.decode(UserRegistered.self, from: mine[0].data, version: 1)
            #expect(registered.email == "ada@example.org")
        }
    }

    @Test(arguments: TestStore.allCases) func neverTellsSecrets(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            _ = try await accounts.administrator()
            try await accounts.register("ada@example.org", "ada")
            let tokens = try await accounts.login("username", "ada")
            let all = try await events(accounts).map(\.data).joined()
            for secret in ["argon2", tokens.refreshToken, "password_hash"] { #expect(!all.contains(secret)) }
        }
    }
}
