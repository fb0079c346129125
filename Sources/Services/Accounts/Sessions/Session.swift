import MartletCore
import MartletWeb

/// The credentials to sign in with.
struct Login: Input {
    let email: String?
    let username: String?
    let password: Password

    static let rules = Rules {
        Rule(CodingKeys.email, "The e-mail address, or else the username.", length: 1...254)
        Rule(CodingKeys.username, "The username, or else the e-mail address.", length: 1...254)
        Rule(CodingKeys.password, "The password.")
    }

    /// The given name. Either field accepts both an address and a username, because no username is an address.
    func identifier() throws(Problem) -> String {
        guard let identifier = email ?? username else {
            throw .invalid(field: "email", "Enter the e-mail address or the username.", code: "required")
        }
        return identifier
    }
}

/// A refresh token; browsers send theirs in a cookie instead.
struct RefreshInput: Input {
    let refreshToken: String?

    static let rules = Rules {
        Rule(
            CodingKeys.refreshToken, "The refresh token. Default: the cookie martlet_refresh.",
            length: 1...512)
    }
}

/// An access token to verify.
struct VerifyInput: Input {
    let token: String?

    static let rules = Rules {
        Rule(
            CodingKeys.token, "The access token. Default: the one in the Authorization header.",
            length: 1...8192)
    }
}

/// The current and the new password.
struct ChangePassword: Input {
    let currentPassword: Password
    let newPassword: NewPassword

    static let rules = Rules {
        Rule(CodingKeys.currentPassword, "The current password.")
        Rule(
            CodingKeys.newPassword, "At least 10 characters, not a common password, not similar to personal data.")
    }
}

/// The tokens of a session (field names of RFC 6749 §5.1) and its user.
struct Tokens: Codable, Output {
    let accessToken: String
    let refreshToken: String
    let tokenType: String
    /// The lifetime of the access token, in seconds.
    let expiresIn: Int64
    let user: User
}

/// The result for a valid access token.
struct VerifiedToken: Codable, Output {
    let valid: Bool
    let userId: ID<User>
    let expiresAt: Timestamp
    let permissions: [Permission]
    /// The user in their current state.
    let user: User
}

/// A session that has just been opened or continued.
struct Grant: Sendable {
    let user: User
    let sessionID: String
    let refreshToken: RefreshToken
    /// When the session's access token is issued. It must not be later, because the recorded end of the session's
    /// tokens depends on it.
    let issuedAt: Timestamp
}

/// A session that has ended.
struct EndedSession: Sendable, Codable, Equatable {
    let id: String
    /// When its last access token expires.
    let tokensEnd: Timestamp
}

extension Problem {
    /// The same problem for a wrong password, an unknown user and a deactivated user.
    static let invalidCredentials = Problem.unauthorized(
        "Incorrect name or password.", code: "invalid_credentials")

    static let invalidRefreshToken = Problem.unauthorized("The refresh token is not valid.", code: "invalid_token")

    /// The token was used before. The session continues for its first user.
    static let refreshTokenUsed = Problem.unauthorized(
        "The refresh token has already been used. Use the one from the response.", code: "refresh_token_used")
}
