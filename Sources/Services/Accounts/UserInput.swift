import MartletCore
import MartletWeb

/// The fields of a user that administrators may write, without the password.
struct UserInput: Input {
    var email: EmailAddress
    var username: Username
    var firstName: String
    var lastName: String
    var phone: String
    var avatar: String
    var department: String
    var position: String
    var isActive: Bool
    var isVerified: Bool
    var isStaff: Bool
    var isSuperuser: Bool
    var permissions: [Permission]
    var profile: Profile

    static let rules = User.rules
}

extension UserInput {
    /// A user without any permissions.
    init(email: EmailAddress, username: Username, firstName: String = "", lastName: String = "", phone: String = "") {
        self.init(
            email: email, username: username, firstName: firstName, lastName: lastName, phone: phone, avatar: "",
            department: "", position: "", isActive: true, isVerified: false, isStaff: false, isSuperuser: false,
            permissions: [], profile: Profile())
    }

    /// A user with their own changes applied.
    init(_ user: User, changedBy own: OwnInput) throws(ScalarIssue) {
        self.init(
            email: try EmailAddress(reading: .text(user.email)), username: own.username, firstName: own.firstName,
            lastName: own.lastName, phone: own.phone, avatar: own.avatar, department: own.department,
            position: own.position, isActive: user.isActive, isVerified: user.isVerified, isStaff: user.isStaff,
            isSuperuser: user.isSuperuser, permissions: user.permissions, profile: own.profile)
    }

    /// The texts that a password must not resemble.
    var personalTexts: [String] { [email.text, username.text, firstName, lastName] }
}

/// A new user with a password.
struct NewUser: Input {
    let user: UserInput
    let password: NewPassword

    static let rules = User.rules

    private enum CodingKeys: CodingKey { case password }

    /// Reads both from one JSON object.
    init(from decoder: any Decoder) throws {
        user = try UserInput(from: decoder)
        password = try decoder.container(keyedBy: CodingKeys.self).decode(NewPassword.self, forKey: .password)
    }
}

/// A user and, optionally, a new password.
struct UserChange: Input {
    let user: UserInput
    let password: NewPassword?

    static let rules = User.rules

    private enum CodingKeys: CodingKey { case password }

    init(from decoder: any Decoder) throws {
        user = try UserInput(from: decoder)
        password = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(NewPassword.self, forKey: .password)
    }
}

/// The fields for registration.
struct Registration: Input {
    let email: EmailAddress
    let username: Username
    let password: NewPassword
    let firstName: String
    let lastName: String
    let phone: String

    static let rules = User.rules
}

/// The fields that users may change in their own account. The e-mail address, the flags and the permissions are absent,
/// which prevents users from changing them. Such members of a body are ignored, because clients send back the whole
/// resource.
struct OwnInput: Input {
    let username: Username
    let firstName: String
    let lastName: String
    let phone: String
    let avatar: String
    let department: String
    let position: String
    let profile: Profile

    static let rules = User.rules
}
