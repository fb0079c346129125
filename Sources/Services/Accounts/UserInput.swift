import MartletCore
import MartletData
import MartletWeb

/// What is written of a user by those who administer users; the password is set beside it.
struct UserInput: Input, Encodable {
    let email: EmailAddress
    let username: Username
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
    let profile: Profile

    static let rules = User.rules
}

extension UserInput {
    /// Somebody who registers: the other fields are their rules' defaults, which grant nothing.
    init(_ registration: Registration) throws {
        let fields: JSONValue = [
            "email": .string(registration.email.text), "username": .string(registration.username.text),
            "first_name": .string(registration.firstName), "last_name": .string(registration.lastName),
            "phone": .string(registration.phone),
        ]
        self = try InputDecoder.decode(UserInput.self, from: [.init(body: fields)])
    }

    /// What addresses and names are compared by.
    var keys: ColumnValues { ["email_key": email.key, "username_key": username.key] }

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
struct OwnInput: Input, Encodable {
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
