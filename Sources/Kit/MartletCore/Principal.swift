/// The authenticated caller, as named by a verified access token.
public struct Principal: Sendable, Equatable {
    public let userID: Int64
    public let username: String
    /// The session of the token. When it ends, the token ends too.
    public let sessionID: String
    public let permissions: Set<String>
    public let isStaff: Bool
    public let isSuperuser: Bool

    public init(
        userID: Int64, username: String, sessionID: String, permissions: Set<String>, isStaff: Bool, isSuperuser: Bool
    ) {
        self.userID = userID
        self.username = username
        self.sessionID = sessionID
        self.permissions = permissions
        self.isStaff = isStaff
        self.isSuperuser = isSuperuser
    }

    /// Whether the principal has a permission. Superusers have every permission.
    public func has(_ permission: String) -> Bool { isSuperuser || permissions.contains(permission) }
}
