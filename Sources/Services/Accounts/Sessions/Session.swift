import MartletCore
import MartletWeb

/// What somebody signs in with.
struct Login: Input {
    let email: String?
    let username: String?
    let password: Password

    static let rules = Rules {
        Rule(CodingKeys.email, "The e-mail address; or give the username.", length: 1...254)
        Rule(CodingKeys.username, "The username; or give the e-mail address.", length: 1...254)
        Rule(CodingKeys.password, "The password.")
    }

    /// The name that was given. An address given as a username is taken as well, and the other way round: no username is
    /// an address.
    func identifier() throws(Problem) -> String {
        guard let identifier = email ?? username else {
            throw .invalid(field: "email", "Give the e-mail address or the username.", code: "required")
        }
        return identifier
    }
}

/// A refresh token; browsers send theirs in a cookie instead.
struct RefreshInput: Input {
    let refreshToken: String?

    static let rules = Rules {
        Rule(
            CodingKeys.refreshToken, "The refresh token; without it the cookie martlet_refresh is taken.",
            length: 1...512)
    }
}

/// An access token to be checked.
struct VerifyInput: Input {
    let token: String?

    static let rules = Rules {
        Rule(
            CodingKeys.token, "The access token; without it the one of the Authorization header is checked.",
            length: 1...8192)
    }
}

/// The current password and the one to come.
struct ChangePassword: Input {
    let currentPassword: Password
    let newPassword: NewPassword

    static let rules = Rules {
        Rule(CodingKeys.currentPassword, "The password that is valid now.")
        Rule(
            CodingKeys.newPassword, "At least 10 characters, not a common password, not like the user's own data.")
    }
}

/// The tokens of a session (field names of RFC 6749 §5.1) and whose it is.
struct Tokens: Codable, Output {
    let accessToken: String
    let refreshToken: String
    let tokenType: String
    /// How long the access token is good for, in seconds.
    let expiresIn: Int64
    let user: User
}

/// What an access token that is good says.
struct VerifiedToken: Codable, Output {
    let valid: Bool
    let userId: ID<User>
    let expiresAt: Timestamp
    let permissions: [Permission]
    /// Whose it is, as they are now.
    let user: User
}

/// A session that has just been opened or continued.
struct Grant: Sendable {
    let user: User
    let sessionID: String
    let refreshToken: RefreshToken
    /// When the session's access token is made. Not later: whoever ends the session must know when it ends.
    let issuedAt: Timestamp
}

/// A session that has ended.
struct EndedSession: Sendable, Codable, Equatable {
    let id: String
    /// When its last access token ends by itself.
    let tokensEnd: Timestamp
}

extension Problem {
    /// The one answer to a wrong password, an unknown user and one who may not sign in.
    static let invalidCredentials = Problem.unauthorized(
        "The name or the password is wrong.", code: "invalid_credentials")

    static let invalidRefreshToken = Problem.unauthorized("The refresh token is not valid.", code: "invalid_token")

    /// The session goes on, for whoever was first.
    static let refreshTokenUsed = Problem.unauthorized(
        "The refresh token has just been used. Use the one that came in the answer.", code: "refresh_token_used")
}
