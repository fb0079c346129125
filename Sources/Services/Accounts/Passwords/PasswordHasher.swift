import MartletCore

/// Hashes and verifies passwords.
struct PasswordHasher: Sendable {
    let cost: PasswordCost
    private let threads: HashingThreads
    /// The hash of a random password.
    private let decoy: String

    init(cost: PasswordCost, threads: HashingThreads = HashingThreads()) throws {
        self.cost = cost
        self.threads = threads
        decoy = try Argon2.hash(RefreshToken().text, cost: cost)
    }

    /// - Parameter source: the source of the request, for fair queueing.
    /// - Throws: ``Problem`` 503 when the queue is full; ``Argon2/Failure``.
    func hash(_ password: NewPassword, for source: LoginSource) async throws -> PasswordHash {
        let cost = cost
        let result = try await threads.run(for: source) { () -> Result<String, Argon2.Failure> in
            Result { () throws(Argon2.Failure) in try Argon2.hash(password.text, cost: cost) }
        }
        return PasswordHash(encoded: try result.get())
    }

    /// - Parameter hash: nil when there is no such user; this takes as long as a wrong password.
    /// - Throws: the errors of ``hash(_:for:)``.
    func verify(_ password: Password, against hash: PasswordHash?, for source: LoginSource) async throws -> Bool {
        let encoded = hash?.encoded ?? decoy
        let result = try await threads.run(for: source) { () -> Result<Bool, Argon2.Failure> in
            Result { () throws(Argon2.Failure) in try Argon2.verify(password.text, against: encoded) }
        }
        return try result.get() && hash != nil
    }

    /// Hashes the password at the current cost; nil when `hash` already has it.
    /// - Throws: the errors of ``hash(_:for:)``.
    func renewed(
        _ hash: PasswordHash, of password: Password, for source: LoginSource
    ) async throws -> PasswordHash? {
        guard Argon2.cost(of: hash.encoded) != cost else { return nil }
        let cost = cost
        let result = try await threads.run(for: source) { () -> Result<String, Argon2.Failure> in
            Result { () throws(Argon2.Failure) in try Argon2.hash(password.text, cost: cost) }
        }
        return PasswordHash(encoded: try result.get())
    }
}

/// A hash in the PHC string format. It never leaves the service. Its description hides it from logs.
struct PasswordHash: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    let encoded: String

    var description: String { "(password hash)" }
    var debugDescription: String { description }
}
