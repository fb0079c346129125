import MartletCore

/// Makes and checks the hashes of passwords.
struct PasswordHasher: Sendable {
    let cost: PasswordCost
    private let threads: HashingThreads
    /// Of a password that nobody has.
    private let decoy: String

    init(cost: PasswordCost, threads: HashingThreads = HashingThreads()) throws {
        self.cost = cost
        self.threads = threads
        decoy = try Argon2.hash(RefreshToken().text, cost: cost)
    }

    /// - Parameter source: who it is done for; everybody gets a fair share.
    /// - Throws: ``Problem`` 503 when too many are waiting; ``Argon2/Failure``.
    func hash(_ password: NewPassword, for source: LoginSource) async throws -> PasswordHash {
        let cost = cost
        let result = try await threads.run(for: source) { () -> Result<String, Argon2.Failure> in
            Result { () throws(Argon2.Failure) in try Argon2.hash(password.text, cost: cost) }
        }
        return PasswordHash(encoded: try result.get())
    }

    /// - Parameter hash: nil where there is no user; that takes as long as a wrong password does.
    /// - Throws: as ``hash(_:)``.
    func verify(_ password: Password, against hash: PasswordHash?, for source: LoginSource) async throws -> Bool {
        let encoded = hash?.encoded ?? decoy
        let result = try await threads.run(for: source) { () -> Result<Bool, Argon2.Failure> in
            Result { () throws(Argon2.Failure) in try Argon2.verify(password.text, against: encoded) }
        }
        return try result.get() && hash != nil
    }

    /// A hash of the same password at today's cost; nil when the one there is has it.
    /// - Throws: as ``hash(_:)``.
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

/// A hash in the PHC string format. It never leaves the service, and logs do not show it.
struct PasswordHash: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    let encoded: String

    var description: String { "(password hash)" }
    var debugDescription: String { description }
}
