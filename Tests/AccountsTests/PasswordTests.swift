import Dispatch
import MartletCore
import Testing

@testable import Accounts

private let nobody = LoginSource(name: "192.0.2.1", isKnown: false)

@Suite struct PasswordTests {
    @Test(arguments: [
        "aaaaaaaaaaaa", "abcabcabcabc", "1234567890", "0987654321", "12345678901234", "qwertyuiop", "poiuytrewq",
        "1qaz2wsx3edc", "zaq12wsxcde3", "q1w2e3r4t5y6", "1q2w3e4r5t", "asdfghjkl1", "abcdefghij", "password123",
        "P@ssw0rd2024!", "Passw0rd!!", "passwordpassword", "welcome12345", "iloveyou123", "AdminAdmin1", "changeme2026",
        "letmein-2026", "qwerty12345", "princess1234", "football2025", "aabbaabbaa", "!!!Dragon123", "helloworld1",
        "PASSWORD1234", "ｐａｓｓｗｏｒｄ１２３", "mypassword1", "SuperAdmin123", "0p;/9ol.8ik,",
    ])
    func rejectsCommonPasswords(password: String) {
        let issue = #expect(throws: ScalarIssue.self) { try NewPassword(reading: .text(password)) }
        #expect(issue?.code == "password_too_common")
    }

    @Test(arguments: [
        "correct horse battery staple", "Tr0ub4dor&3-lamp", "vexing-Quokka-71", "kX9#mQ2$vLp7", "床前明月光疑是地上霜",
        "der Rabe fliegt um 7", "8hT-wq2.Nf5x", "passwordless-Ünicorn-Kiln",
        "blue monkey winter coffee king",
    ])
    func acceptsGoodPasswords(password: String) {
        #expect(throws: Never.self) { try NewPassword(reading: .text(password)) }
    }

    @Test func limitsTheLength() {
        #expect(throws: ScalarIssue.self) { try NewPassword(reading: .text("kX9#mQ2$v")) }
        let long = (0..<64).map { "\($0 * 7919 % 97)xQ" }.joined()
        #expect(throws: ScalarIssue.self) { try NewPassword(reading: .text(long + long)) }
        #expect(throws: ScalarIssue.self) { try Password(reading: .text(long + long)) }
    }

    @Test(arguments: [
        "Eleanor.Rigby", "eleanorrigby1", "3l3anor-rigby", "liverpudlian!", "rigby.eleanor", "eleanor.rigby@penny",
    ])
    func rejectsPasswordsLikeTheUser(password: String) {
        #expect(
            PasswordPolicy.isSimilar(
                password, to: ["eleanor.rigby@penny-lane.example", "liverpudlian", "Eleanor", "Rigby"]))
    }

    @Test func acceptsPasswordsUnlikeTheUser() {
        #expect(!PasswordPolicy.isSimilar(goodPassword, to: ["eleanor@example.org", "ellie", "Eleanor", "", "Li"]))
    }

    @Test func hashesInThePHCFormatAndVerifies() async throws {
        let hasher = try PasswordHasher(cost: PasswordCost())
        let hash = try await hasher.hash(NewPassword(reading: .text(goodPassword)), for: nobody)
        #expect(hash.encoded.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect("\(hash)" == "(password hash)")
        #expect(try await hasher.verify(Password(reading: .text(goodPassword)), against: hash, for: nobody))
        #expect(try await !hasher.verify(Password(reading: .text(otherPassword)), against: hash, for: nobody))
        #expect(try await !hasher.verify(Password(reading: .text(goodPassword)), against: nil, for: nobody))
        let again = try await hasher.hash(NewPassword(reading: .text(goodPassword)), for: nobody)
        #expect(again.encoded != hash.encoded)
    }

    @Test func treatsComposedAndDecomposedAlike() async throws {
        let hasher = try PasswordHasher(cost: cheap)
        let hash = try await hasher.hash(NewPassword(reading: .text("caf\u{e9}-kiln-9021")), for: nobody)
        #expect(try await hasher.verify(Password(reading: .text("cafe\u{301}-kiln-9021")), against: hash, for: nobody))
    }

    @Test func rehashesOtherCosts() async throws {
        let password = try NewPassword(reading: .text(goodPassword))
        let hash = try await PasswordHasher(cost: cheap).hash(password, for: nobody)
        let dearer = try PasswordHasher(cost: PasswordCost(memory: 64, iterations: 2))
        let renewed = try #require(try await dearer.renewed(hash, of: Password(password), for: nobody))
        #expect(Argon2.cost(of: renewed.encoded) == PasswordCost(memory: 64, iterations: 2))
        #expect(try await dearer.renewed(renewed, of: Password(password), for: nobody) == nil)
        #expect(Argon2.cost(of: "$argon2id$v=19$m=,t=,p=$x$y") == nil)
        #expect(Argon2.cost(of: "pbkdf2_sha256$1$2$3") == nil)
    }

    /// A test vector of the reference implementation, so that hashes from other systems can be verified.
    @Test func matchesTheReferenceImplementation() throws {
        let encoded =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(try Argon2.verify("password", against: encoded))
        #expect(try !Argon2.verify("Password", against: encoded))
        #expect(throws: Argon2.Failure.self) { try Argon2.verify("password", against: "$argon2id$v=19$m=1,t=1,p=1$x$") }
    }

    @Test func refusesWhenTooManyAreWaiting() async throws {
        let threads = HashingThreads(width: 1, maximumWaiting: 2)
        let gate = DispatchSemaphore(value: 0)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    do throws(Problem) {
                        try await threads.run(for: nobody) { gate.wait() }
                        return true
                    } catch let problem {
                        #expect(problem.status == 503)
                        return false
                    }
                }
            }
            // Nine are rejected immediately, while one runs and two wait.
            for _ in 0..<9 { #expect(try await group.next() == false) }
            for _ in 0..<3 { gate.signal() }
            for try await isDone in group { #expect(isDone) }
        }
    }
}
