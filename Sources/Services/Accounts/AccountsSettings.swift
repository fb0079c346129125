public import MartletCore
import MartletWeb

/// The settings of Accounts. The defaults are for production.
public struct AccountsSettings: SettingGroup {
    /// The first administrator's e-mail address.
    var administratorEmail: String
    /// The first administrator's password; generated when nil.
    var administratorPassword: String?
    /// Whether anyone may register.
    var isRegistrationOpen: Bool
    /// The lifetime of an access token in seconds. Other processes may accept a token for this long after its session
    /// has ended.
    var accessTokenLifetime: Int64
    /// How long an unused session lasts, in seconds.
    var refreshTokenLifetime: Int64
    /// How long after its first use a refresh token may be used again, in seconds. Two browser tabs, or two threads of
    /// a program, may refresh at the same moment.
    var refreshGrace: Int64 = 10
    /// The maximum number of sessions per user. A further session ends the one unused for longest.
    var maximumSessions = 200
    /// The cost of hashing a password.
    var passwordCost = PasswordCost()

    public init(_ settings: inout SettingReader) {
        administratorEmail = settings.read(
            "admin_email", "The first administrator's e-mail address.", form: "address",
            default: "admin@martlet.local", parse: SettingValue.nonEmpty)
        administratorPassword = settings.readOptional(
            "admin_password", "The first administrator's password. Environment or file only.", form: "password",
            shown: "generated and shown once", isSecret: true, flag: .none, parse: SettingValue.nonEmpty)
        isRegistrationOpen = settings.read(
            "registration", "Whether users may register themselves.", form: "open|closed", default: true, shown: "open"
        ) { try SettingValue.choice($0, ["open": true, "closed": false]) }
        accessTokenLifetime = settings.read(
            "access_token_lifetime", "How long an access token lasts.", form: "seconds", default: 300
        ) { Int64(try SettingValue.integer($0, 30...86_400, "seconds")) }
        refreshTokenLifetime = settings.read(
            "refresh_token_lifetime", "How long an unused session lasts.", form: "seconds",
            default: 14 * 86_400, shown: "1209600 (14 days)"
        ) { Int64(try SettingValue.integer($0, 300...31_536_000, "seconds")) }
    }

    /// - Throws: ``ServiceError`` naming the invalid setting.
    public func validate() throws {
        guard accessTokenLifetime > 0, refreshTokenLifetime > accessTokenLifetime, refreshGrace >= 0,
            maximumSessions > 0
        else {
            throw ServiceError("refresh_token_lifetime: must be longer than access_token_lifetime")
        }
        do throws(ScalarIssue) {
            _ = try EmailAddress(reading: .text(administratorEmail))
        } catch {
            throw ServiceError("admin_email: '\(administratorEmail)' is not an e-mail address")
        }
        guard let administratorPassword else { return }
        do {
            let password = try NewPassword(reading: .text(administratorPassword))
            try password.requireDissimilar(to: [administratorEmail])
        } catch let issue as ScalarIssue {
            throw ServiceError("admin_password: \(issue.message)")
        } catch let problem as Problem {
            throw ServiceError("admin_password: \(problem.errors.first?.message ?? "is invalid")")
        }
    }
}

/// The cost of Argon2id (RFC 9106). The default is the first recommendation of the OWASP Password Storage Cheat Sheet.
public struct PasswordCost: Sendable, Equatable {
    /// In KiB.
    public var memory: UInt32 = 19 * 1024
    /// Passes over the memory.
    public var iterations: UInt32 = 2
    /// Lanes. One thread computes all of them.
    public var parallelism: UInt32 = 1

    public init() {}

    public init(memory: UInt32, iterations: UInt32, parallelism: UInt32 = 1) {
        self.memory = memory
        self.iterations = iterations
        self.parallelism = parallelism
    }
}

/// The settings contain a password, so their description has no values.
extension AccountsSettings: CustomStringConvertible, CustomReflectable {
    public var description: String { "settings of accounts" }
    public var customMirror: Mirror { Mirror(self, children: ["settings": description]) }
}
