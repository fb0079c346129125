import MartletCore
import MartletTesting
import MartletWeb
import Testing

@testable import Accounts

@Suite struct RegistrationTests {
    @Test(arguments: TestStore.allCases) func createsAnAccountWithoutRights(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            let body: JSONValue = [
                "email": " Ada@Example.org ", "username": "ada", "password": .string(goodPassword),
                "first_name": "Ada", "is_staff": true, "is_superuser": true, "permissions": ["catalog.add_product"],
            ]
            let answer = try await accounts.service.register(accounts.context(), input(body)).responseParts()
            #expect(answer.status == 201)
            #expect(answer.headers.contains { $0.name == "Location" && $0.value == "/api/users/1" })
            let json = try JSONValue(parsing: answer.body ?? [])
            #expect(json["email"] == "Ada@Example.org")
            #expect(json["is_staff"] == false)
            #expect(json["is_superuser"] == false)
            #expect(json["permissions"] == [])
            #expect(json["profile"]?["social_links"] == [:])
            #expect(!String(decoding: answer.body ?? [], as: UTF8.self).contains("argon2"))
        }
    }

    @Test(arguments: TestStore.allCases) func rejectsAnEquivalentAddress(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("José@Example.org", "jose")
            try await accounts.register("STRASSE@example.org", "strasse")
            try await accounts.register("İstanbul@example.org", "istanbul1")
            for (number, same) in [
                "jose\u{301}@example.ORG", "JOSE\u{301}@example.org", "straße@example.org",
                "i\u{307}stanbul@EXAMPLE.org",
            ].enumerated() {
                let refused = try await problem { try await accounts.register(same, "other\(number)") }
                #expect(refused.status == 409, "\(same)")
                #expect(refused.code == "already_exists")
                #expect(refused.errors.first?.loc == ["body", "email"])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func rejectsAUsernameInAnotherCase(store: TestStore) async throws {
        try await withAccounts(store) { accounts in
            try await accounts.register("a@example.org", "Σίσυφος")
            let refused = try await problem { try await accounts.register("b@example.org", "ΣΊΣΥΦΟΣ") }
            #expect(refused.status == 409)
            #expect(refused.errors.first?.loc == ["body", "username"])
        }
    }

    @Test func reportsEveryInvalidFieldAtOnce() async throws {
        let refused = try await problem {
            let _: Registration = try input(
                ["email": "x", "username": "a@b", "password": "short", "phone": "call me", "first_name": 1])
        }
        #expect(refused.status == 422)
        #expect(
            Set(refused.errors.map { "\($0.loc.last ?? "") \($0.code)" }) == [
                "email invalid_email", "username invalid_format", "password password_too_short",
                "phone invalid_format", "first_name not_a_string",
            ])
    }

    @Test func rejectsLookalikeNames() async throws {
        for name in ["ad\u{200B}min", "\u{202E}nimda", "ad min", "admin@", "a/b", "ab", "℀℀℀", "ad\u{0}min"] {
            #expect(throws: ScalarIssue.self, "\(name.debugDescription)") { try Username(reading: .text(name)) }
        }
        for name in ["josé", "山田太郎", "Ωmega-1", "j.doe_2", "नमस्ते"] {
            #expect(throws: Never.self, "\(name)") { try Username(reading: .text(name)) }
        }
        #expect(throws: ScalarIssue.self) { try EmailAddress(reading: .text("ad\u{200D}a@example.org")) }
    }

    @Test func keysAreStable() {
        for value in UInt32(0)...0x1_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let key = String(scalar).identityKey
            #expect(key.identityKey.unicodeScalars.elementsEqual(key.unicodeScalars), "U+\(String(value, radix: 16))")
        }
    }

    @Test func canBeClosed() async throws {
        try await withAccounts(settings: { $0.isRegistrationOpen = false }) { accounts in
            let refused = try await problem { try await accounts.register("a@example.org", "someone") }
            #expect(refused.status == 403)
            #expect(refused.code == "registration_closed")
        }
    }

    @Test(arguments: [true, false]) func reportsWhetherItIsOpen(_ isOpen: Bool) async throws {
        try await withAccounts(settings: { $0.isRegistrationOpen = isOpen }) { accounts in
            let answer = try await accounts.service.registration(accounts.context()).responseParts()
            #expect(answer.status == 200)
            #expect(try JSONValue(parsing: answer.body ?? [])["open"] == JSONValue.bool(isOpen))
        }
    }
}
