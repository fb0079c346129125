import MartletCore
import MartletData
import MartletWeb

/// A user account. It does not contain the password hash.
struct User: Model, Output, Versioned {
    let id: ID<User>
    let email: String
    let username: String
    let firstName: String
    let lastName: String
    let phone: String
    let avatar: String
    let department: String
    let position: String
    let isActive: Bool
    let isVerified: Bool
    let isStaff: Bool
    let isSuperuser: Bool
    let permissions: [Permission]
    let lastLogin: Timestamp?
    let lastLoginIp: String?
    let createdAt: Timestamp
    let updatedAt: Timestamp
    let profile: Profile

    static let table = "users"

    /// A sign-in changes the representation but not the version of the account.
    var representation: String? { lastLogin.map { String($0.microseconds, radix: 36) } }

    static let rules = Rules {
        Rule(CodingKeys.id, "The id of the user.", list: [.filter, .order])
        Rule(
            CodingKeys.email, "The e-mail address, unique regardless of case.",
            list: [.search, .filter, .order])
        Rule(
            CodingKeys.username,
            "The name to sign in with: 3 to 50 letters and digits of any script, and . _ -; unique regardless of case.",
            list: [.search, .filter, .order])
        Rule(
            SecretKeys.password, "At least 10 characters, not a common password, not similar to personal data.",
            isWriteOnly: true)
        Rule(CodingKeys.firstName, "The given name.", length: 0...100, default: "", list: [.search, .filter, .order])
        Rule(CodingKeys.lastName, "The family name.", length: 0...100, default: "", list: [.search, .filter, .order])
        Rule(CodingKeys.phone, "A telephone number.", length: 0...32, format: .phone, default: "")
        Rule(CodingKeys.avatar, "The URL of a picture.", length: 0...500, format: .webURL, default: "")
        Rule(
            CodingKeys.department, "The department.", length: 0...100, default: "", list: [.filter, .order])
        Rule(CodingKeys.position, "The job title.", length: 0...100, default: "", list: [.filter, .order])
        Rule(CodingKeys.isActive, "Whether the user may sign in.", default: true, list: [.filter, .order])
        Rule(CodingKeys.isVerified, "Whether the e-mail address is verified.", default: false, list: .filter)
        Rule(CodingKeys.isStaff, "Whether the user may use the back office.", default: false, list: .filter)
        Rule(CodingKeys.isSuperuser, "Whether the user has all permissions.", default: false, list: .filter)
        Rule(CodingKeys.permissions, "The permissions of the user.", length: 0...100, default: [])
        Rule(CodingKeys.lastLogin, "When the user last signed in.", list: [.filter, .order])
        Rule(CodingKeys.lastLoginIp, "The IP address of the last sign-in.")
        Rule(CodingKeys.createdAt, "When the account was created.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the account was last changed.", list: [.filter, .order])
        Rule(CodingKeys.profile, "The profile of the user.", default: [:])
    }

    private enum SecretKeys: CodingKey { case password }
}

extension User {
    /// Whether this user has all permissions of another one.
    func mayDoAll(_ other: User) -> Bool {
        isSuperuser || (!other.isSuperuser && Set(other.permissions).isSubset(of: permissions))
    }

    /// The principal in the user's access tokens.
    func principal(session: String) -> Principal {
        Principal(
            userID: id.rawValue, username: username, sessionID: session, permissions: Set(permissions.map(\.text)),
            isStaff: isStaff, isSuperuser: isSuperuser)
    }
}

extension Format {
    /// Empty, or digits with common separators, optionally after a `+`.
    static let phone = Format(
        "^$|^[+]?[0-9 ()./-]{3,31}$", message: "Must be a telephone number.", code: "invalid_format"
    ) { text in
        if text.isEmpty { return true }
        let rest = text.hasPrefix("+") ? text.dropFirst() : text[...]
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return rest.utf8.allSatisfy { digits.contains($0) || " ()./-".utf8.contains($0) }
            && rest.utf8.count(where: digits.contains) >= 3
    }
}
