import MartletCore
import MartletWeb

/// How accounts are run. The defaults are for production.
public struct AccountsSettings: Sendable {
    /// The folder of the signing keys `signing-0001.pem`, `signing-0002.pem`, …; made, with the first key, when it is
    /// missing. The last one signs, all are published. To rotate: add the next number (a P-256 private key in PEM, mode
    /// 0600), restart every process of the service, and remove the one before once its last token has expired.
    public var keyDirectory: String
    /// How long an access token is good for, in seconds. Other processes may honour a token this long after its
    /// session has ended.
    public var accessTokenLifetime: Int64 = 300
    /// How long a session lives without being refreshed, in seconds: 14 days.
    public var refreshTokenLifetime: Int64 = 14 * 86_400
    /// How long after its first use a refresh token may be presented again without ending the session, in seconds: two
    /// tabs of a browser, or two threads of a program, may refresh at the same moment.
    public var refreshGrace: Int64 = 10
    /// How many sessions a user may have at a time. With one more, the one that has not been used for longest ends.
    public var maximumSessions = 200
    /// Whether anybody may register.
    public var isRegistrationOpen = true
    /// The first administrator's address.
    public var administratorEmail = "admin@martlet.local"
    /// The first administrator's password; generated when nil.
    public var administratorPassword: String?
    /// What hashing a password costs.
    public var passwordCost = PasswordCost()

    public init(keyDirectory: String) { self.keyDirectory = keyDirectory }

    /// - Throws: ``ServiceError`` that names the setting.
    public func validate() throws {
        guard accessTokenLifetime > 0, refreshTokenLifetime > accessTokenLifetime, refreshGrace >= 0,
            maximumSessions > 0
        else {
            throw ServiceError(
                "the lifetimes of tokens must be positive, and a refresh token must outlive an access token")
        }
        do throws(ScalarIssue) {
            _ = try EmailAddress(reading: .text(administratorEmail))
        } catch {
            throw ServiceError("the administrator's e-mail '\(administratorEmail)' is not an e-mail address")
        }
        guard let administratorPassword else { return }
        do {
            let password = try NewPassword(reading: .text(administratorPassword))
            try password.requireDissimilar(to: [administratorEmail])
        } catch let issue as ScalarIssue {
            throw ServiceError("the administrator's password is refused: \(issue.message)")
        } catch let problem as Problem {
            throw ServiceError("the administrator's password is refused: \(problem.errors.first?.message ?? "")")
        }
    }
}

/// The cost of Argon2id (RFC 9106). The default is the first choice of the OWASP Password Storage Cheat Sheet for
/// machines that check many passwords.
public struct PasswordCost: Sendable, Equatable {
    /// In KiB.
    public var memory: UInt32 = 19 * 1024
    /// Passes over the memory.
    public var iterations: UInt32 = 2
    /// Lanes; one thread computes them all.
    public var parallelism: UInt32 = 1

    public init() {}

    public init(memory: UInt32, iterations: UInt32, parallelism: UInt32 = 1) {
        self.memory = memory
        self.iterations = iterations
        self.parallelism = parallelism
    }
}
