import Foundation
import MartletCore
import MartletTesting
import MartletTokens
import MartletWeb
import Testing

@testable import Accounts

@Suite struct FirstStartTests {
    @Test(arguments: TestStore.allCases) func concurrentStartsCreateOneAdministrator(store: TestStore)
        async throws
    {
        try await withAccounts(store) { accounts in
            let services = try (0..<4).map { _ in try accounts.another() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for service in services { group.addTask { try await service.prepare() } }
                try await group.waitForAll()
            }
            #expect(accounts.announced.administrators.count == 1)
            #expect(accounts.announced.administrators.first?.contains("admin@martlet.local") == true)
            let password = try #require(accounts.announced.generatedPassword)
            #expect(password.count >= 20)
            let signedIn = try await accounts.login("email", "admin@martlet.local", password: password)
            #expect(signedIn.principal.isSuperuser && signedIn.principal.isStaff)
            try await accounts.service.prepare()
            #expect(accounts.announced.administrators.count == 1)
        }
    }

    @Test(arguments: TestStore.allCases) func createsTheConfiguredAdministrator(store: TestStore) async throws {
        let adjust: (inout AccountsSettings) -> Void = {
            $0.administratorEmail = "boss@example.org"
            $0.administratorPassword = otherPassword
        }
        try await withAccounts(store, settings: adjust) { accounts in
            try await accounts.service.prepare()
            #expect(
                accounts.announced.administrators == [
                    "The first administrator is boss@example.org, with the configured password."
                ])
            #expect(
                try await accounts.login("email", "boss@example.org", password: otherPassword).principal.isSuperuser)
        }
    }

    @Test(arguments: TestStore.allCases) func doesNotPromoteAnExistingAccount(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let squatter = try await accounts.register("Admin@martlet.local", "squatter")
            await #expect(throws: ServiceError.self) { try await accounts.service.prepare() }
            #expect(try await !accounts.service.users.find(squatter.id).isSuperuser)
        }
    }

    @Test func rejectsInvalidSettings() async throws {
        for adjust in [
            { $0.administratorPassword = "password123" }, { $0.administratorPassword = "admin@martlet.loc" },
            { $0.administratorEmail = "boss" }, { $0.accessTokenLifetime = 0 }, { $0.refreshTokenLifetime = 10 },
        ] as [(inout AccountsSettings) -> Void] {
            await #expect(throws: ServiceError.self) { try await withAccounts(settings: adjust) { _ in } }
        }
    }

    @Test func keyFilesAreOwnerOnly() async throws {
        try await withAccounts { accounts in
            let folder = accounts.directory + "/keys"
            #expect(try mode(of: folder) == 0o700)
            #expect(try mode(of: folder + "/signing-0001.pem") == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["signing-0001.pem"])
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: folder + "/signing-0001.pem")
            #expect(throws: ServiceError.self) { try SigningKeys(directory: folder) }
        }
    }

    @Test func processesThatStartTogetherShareOneKey() async throws {
        try await withAccounts { accounts in
            let folder = accounts.directory + "/together/keys"
            let ids = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<16 {
                    group.addTask { try SigningKeys(directory: folder).publicKeys.keys.map(\.kid) }
                }
                return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    @Test func signsWithTheNewestKeyAndPublishesAll() async throws {
        try await withAccounts { accounts in
            try await accounts.register("ada@example.org", "ada")
            let old = try await accounts.login("username", "ada")
            let other = accounts.directory + "/other"
            _ = try SigningKeys(directory: other)
            try FileManager.default.moveItem(
                atPath: other + "/signing-0001.pem", toPath: accounts.directory + "/keys/signing-0002.pem")
            let rotated = try accounts.another()
            #expect(rotated.keys.publicKeys.keys.count == 2)
            #expect(try await rotated.keys.verify(Array(old.accessToken.utf8)).subject == "1")
            let body: JSONValue = ["username": "ada", "password": .string(goodPassword)]
            let answer = try await rotated.login(accounts.context(), input(body)).responseParts()
            let token = try #require(try JSONValue(parsing: answer.body ?? [])["access_token"]?.stringValue)
            await #expect(throws: Problem.self) {
                try await accounts.service.keys.verify(Array(token.utf8))
            }
            _ = try await rotated.keys.verify(Array(token.utf8))
        }
    }

    private func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
}
