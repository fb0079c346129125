public import MartletCore
public import MartletMessaging

// The events of Accounts. Their subject is the user, whose events therefore arrive in order: registered first, deleted last.
//
// They hold personal data only where subscribers need it. A service that stores an address deletes it after
// ``UserDeleted``.

/// An account has been created: by its user, by an administrator, or at the first start.
public struct UserRegistered: Event {
    public static let type = "accounts.user_registered"
    public static let summary = "An account has been created: by its user, by an administrator, or at the first start."

    public let userID: Int64
    public let email: String
    public let username: String
    public var subject: String { "users/\(userID)" }

    public init(userID: Int64, email: String, username: String) {
        self.userID = userID
        self.email = email
        self.username = username
    }

    public static let rules = Rules {
        Rule(CodingKeys.userID, "The id of the user.", minimum: 1)
        Rule(CodingKeys.email, "The e-mail address. Personal data.", format: .email)
        Rule(CodingKeys.username, "The name to sign in with.")
    }
}

/// An account has been changed. A sign-in does not change it.
public struct UserChanged: Event {
    public static let type = "accounts.user_changed"
    public static let summary = "An account has been changed. A sign-in does not change it."

    public let userID: Int64
    public let changed: [String]
    public let email: String
    public let username: String
    public let isActive: Bool
    public let updatedAt: Timestamp
    public var subject: String { "users/\(userID)" }

    public init(
        userID: Int64, changed: [String], email: String, username: String, isActive: Bool, updatedAt: Timestamp
    ) {
        self.userID = userID
        self.changed = changed
        self.email = email
        self.username = username
        self.isActive = isActive
        self.updatedAt = updatedAt
    }

    public static let rules = Rules {
        Rule(CodingKeys.userID, "The id of the user.", minimum: 1)
        Rule(
            CodingKeys.changed,
            "The names of the changed fields of /api/users/{id}, and `password` for a new password. Values that are not in the "
                + "event can be read there.")
        Rule(CodingKeys.email, "The e-mail address after the change. Personal data.", format: .email)
        Rule(CodingKeys.username, "The name to sign in with, after the change.")
        Rule(CodingKeys.isActive, "Whether the user may sign in, after the change.")
        Rule(CodingKeys.updatedAt, "When the account was changed: `updated_at` of the user.")
    }
}

/// An account has been deleted. It is the last event of the user: delete what you store about them.
public struct UserDeleted: Event {
    public static let type = "accounts.user_deleted"
    public static let summary =
        "An account has been deleted. It is the last event of the user: delete what you store about them."

    public let userID: Int64
    public var subject: String { "users/\(userID)" }

    public init(userID: Int64) { self.userID = userID }

    public static let rules = Rules { Rule(CodingKeys.userID, "The id of the deleted user.", minimum: 1) }
}

/// A user has signed in. Refreshing the tokens of a session starts no new one.
public struct SessionStarted: Event {
    public static let type = "accounts.session_started"
    public static let summary = "A user has signed in. Refreshing the tokens of a session starts no new one."

    public let userID: Int64
    public let sessionID: String
    public var subject: String { "users/\(userID)" }

    public init(userID: Int64, sessionID: String) {
        self.userID = userID
        self.sessionID = sessionID
    }

    public static let rules = Rules {
        Rule(CodingKeys.userID, "The id of the user.", minimum: 1)
        Rule(CodingKeys.sessionID, "The id of the session: `sid` of its access tokens. It is no credential.")
    }
}

/// A session has ended before it expired: by sign-out, by a change of the account, or because its token was stolen.
public struct SessionEnded: Event {
    public static let type = "accounts.session_ended"
    public static let summary =
        "A session has ended before it expired: by sign-out, by a change of the account, or because its token was stolen."

    public let userID: Int64
    public let sessionID: String
    public let tokensEnd: Timestamp
    public var subject: String { "users/\(userID)" }

    public init(userID: Int64, sessionID: String, tokensEnd: Timestamp) {
        self.userID = userID
        self.sessionID = sessionID
        self.tokensEnd = tokensEnd
    }

    public static let rules = Rules {
        Rule(CodingKeys.userID, "The id of the user.", minimum: 1)
        Rule(CodingKeys.sessionID, "The id of the session: `sid` of its access tokens. It is no credential.")
        Rule(
            CodingKeys.tokensEnd,
            "When the last access token of the session expires. Until then, verifiers refuse tokens of the session.")
    }
}
