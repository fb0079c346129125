import MartletCore
import MartletWeb

/// What is written of a user by those who administer users; the password is set beside it.
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
    /// A user who may nothing special.
    init(email: EmailAddress, username: Username, firstName: String = "", lastName: String = "", phone: String = "") {
        self.init(
            email: email, username: username, firstName: firstName, lastName: lastName, phone: phone, avatar: "",
            department: "", position: "", isActive: true, isVerified: false, isStaff: false, isSuperuser: false,
            permissions: [], profile: Profile())
    }

    /// The current user with what they may change themselves.
    init(_ user: User, changedBy own: OwnInput) throws(ScalarIssue) {
        self.init(
            email: try EmailAddress(reading: .text(user.email)), username: own.username, firstName: own.firstName,
            lastName: own.lastName, phone: own.phone, avatar: own.avatar, department: own.department,
            position: own.position, isActive: user.isActive, isVerified: user.isVerified, isStaff: user.isStaff,
            isSuperuser: user.isSuperuser, permissions: user.permissions, profile: own.profile)
    }

    /// What a password must not be like.
    var personalTexts: [String] { [email.text, username.text, firstName, lastName] }
}

/// A user with the first password.
struct NewUser: Input {
    let user: UserInput
    let password: NewPassword

    static let rules = User.rules

    private enum CodingKeys: CodingKey { case password }

    /// Both are fields of one JSON object.
    init(from decoder: any Decoder) throws {
        user = try UserInput(from: decoder)
        password = try decoder.container(keyedBy: CodingKeys.self).decode(NewPassword.self, forKey: .password)
    }
}

/// A user and, when it is to change, the password.
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

/// What anybody may write to get an account.
struct Registration: Input {
    let email: EmailAddress
    let username: Username
    let password: NewPassword
    let firstName: String
    let lastName: String
    let phone: String

    static let rules = User.rules
}

/// What users may write of themselves. That the e-mail address, the flags and the permissions are not here is what keeps
/// users from changing them: such fields of a body are passed over, as whoever sends back what they have read sends them
/// too.
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
