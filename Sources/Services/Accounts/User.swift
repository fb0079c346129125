import MartletCore
import MartletData
import MartletWeb

/// A person with an account. What is secret of it (the password's hash) is no part of this type.
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

    /// A sign-in changes what is shown, and is no change of the account.
    var representation: String? { lastLogin.map { String($0.microseconds, radix: 36) } }

    static let rules = Rules {
        Rule(CodingKeys.id, "The number of the user.", list: [.filter, .order])
        Rule(
            CodingKeys.email, "The e-mail address; no two users share one, whatever the case of its letters.",
            list: [.search, .filter, .order])
        Rule(
            CodingKeys.username,
            "The name to sign in with: 3 to 50 letters and digits of any script, and . _ -; unique in any case.",
            list: [.search, .filter, .order])
        Rule(
            SecretKeys.password, "At least 10 characters, not a common password, not like the user's own data.",
            isWriteOnly: true)
        Rule(CodingKeys.firstName, "The given name.", length: 0...100, default: "", list: [.search, .filter, .order])
        Rule(CodingKeys.lastName, "The family name.", length: 0...100, default: "", list: [.search, .filter, .order])
        Rule(CodingKeys.phone, "A telephone number.", length: 0...32, format: .phone, default: "")
        Rule(CodingKeys.avatar, "The address of a picture.", length: 0...500, format: .webURL, default: "")
        Rule(
            CodingKeys.department, "Where the user works.", length: 0...100, default: "", list: [.filter, .order])
        Rule(CodingKeys.position, "What the user does.", length: 0...100, default: "", list: [.filter, .order])
        Rule(CodingKeys.isActive, "Whether the user may sign in.", default: true, list: [.filter, .order])
        Rule(CodingKeys.isVerified, "Whether the address is known to be theirs.", default: false, list: .filter)
        Rule(CodingKeys.isStaff, "Whether the user may use the back office.", default: false, list: .filter)
        Rule(CodingKeys.isSuperuser, "Whether the user may do everything.", default: false, list: .filter)
        Rule(CodingKeys.permissions, "What the user may do.", length: 0...100, default: [])
        Rule(CodingKeys.lastLogin, "When the user last signed in.", list: [.filter, .order])
        Rule(CodingKeys.lastLoginIp, "The address of the last sign-in.")
        Rule(CodingKeys.createdAt, "When the account was made.", list: [.filter, .order])
        Rule(CodingKeys.updatedAt, "When the account was last changed.", list: [.filter, .order])
        Rule(CodingKeys.profile, "What the user says of themselves.", default: [:])
    }

    private enum SecretKeys: CodingKey { case password }
}

extension User {
    /// Whether this user may do all that the other one may.
    func mayDoAll(_ other: User) -> Bool {
        isSuperuser || (!other.isSuperuser && Set(other.permissions).isSubset(of: permissions))
    }

    /// What access tokens say.
    func principal(session: String) -> Principal {
        Principal(
            userID: id.rawValue, username: username, sessionID: session, permissions: Set(permissions.map(\.text)),
            isStaff: isStaff, isSuperuser: isSuperuser)
    }
}

extension Format {
    /// Empty, or digits with the signs people put between them, `+` only in front.
    static let phone = Format(
        "^$|^[+]?[0-9 ()./-]{3,31}$", message: "Not a telephone number.", code: "invalid_format"
    ) { text in
        if text.isEmpty { return true }
        let rest = text.hasPrefix("+") ? text.dropFirst() : text[...]
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return rest.utf8.allSatisfy { digits.contains($0) || " ()./-".utf8.contains($0) }
            && rest.utf8.count(where: digits.contains) >= 3
    }
}
