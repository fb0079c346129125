public import MartletCore
import MartletWeb

/// How accounts are run. The defaults are for production.
public struct AccountsSettings: SettingGroup {
    /// The first administrator's address.
    var administratorEmail: String
    /// The first administrator's password; generated when nil.
    var administratorPassword: String?
    /// Whether anybody may register.
    var isRegistrationOpen: Bool
    /// How long an access token is valid, in seconds. Other processes may accept a token this long after its session has
    /// ended.
    var accessTokenLifetime: Int64
    /// How long a session lives without being refreshed, in seconds.
    var refreshTokenLifetime: Int64
    /// How long after its first use a refresh token may be presented again without ending the session, in seconds: two
    /// tabs of a browser, or two threads of a program, may refresh at the same moment.
    var refreshGrace: Int64 = 10
    /// How many sessions a user may have at a time. One more ends the session that has been unused for longest.
    var maximumSessions = 200
    /// What hashing a password costs.
    var passwordCost = PasswordCost()

    public init(_ settings: inout SettingReader) {
        administratorEmail = settings.read(
            "admin_email", "The first administrator's e-mail address.", form: "address",
            default: "admin@martlet.local", parse: SettingValue.nonEmpty)
        administratorPassword = settings.readOptional(
            "admin_password", "The first administrator's password. Environment or file only.", form: "password",
            shown: "generated, and shown once", isSecret: true, flag: .none, parse: SettingValue.nonEmpty)
        isRegistrationOpen = settings.read(
            "registration", "Whether people may register themselves.", form: "open|closed", default: true, shown: "open"
        ) { try SettingValue.choice($0, ["open": true, "closed": false]) }
        accessTokenLifetime = settings.read(
            "access_token_lifetime", "How long an access token is valid.", form: "seconds", default: 300
        ) { Int64(try SettingValue.integer($0, 30...86_400, "seconds")) }
        refreshTokenLifetime = settings.read(
            "refresh_token_lifetime", "How long a session lasts unused.", form: "seconds",
            default: 14 * 86_400, shown: "1209600 (14 days)"
        ) { Int64(try SettingValue.integer($0, 300...31_536_000, "seconds")) }
    }

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
