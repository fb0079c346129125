import MartletCore
import MartletData
import MartletWeb

/// The fields of a user that administrators may write, without the password.
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
    /// A user who registers. The other fields have their rules' defaults, which grant nothing.
    init(_ registration: Registration) throws {
        let fields: JSONValue = [
            "email": .string(registration.email.text), "username": .string(registration.username.text),
            "first_name": .string(registration.firstName), "last_name": .string(registration.lastName),
            "phone": .string(registration.phone),
        ]
        self = try InputDecoder.decode(UserInput.self, from: [.init(body: fields)])
    }

    /// The columns by which addresses and names are compared.
    var keys: ColumnValues { ["email_key": email.key, "username_key": username.key] }

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
