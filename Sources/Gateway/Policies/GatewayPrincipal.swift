import MartletTokens

/// The authenticated caller.
struct GatewayPrincipal: Sendable {
    /// `sub` of a token, or the name of an API key.
    let subject: String
    let permissions: Set<String>
    let isSuperuser: Bool
    /// `X-User-…` lines for the upstream. A client's own fields of these names are never forwarded.
    let lines: [UInt8]

    init(
        subject: String, name: String? = nil, email: String? = nil, permissions: Set<String>, isSuperuser: Bool = false,
        method: String
    ) {
        self.subject = subject
        self.permissions = permissions
        self.isSuperuser = isSuperuser
        var lines: [UInt8] = []
        func line(_ name: String, _ value: String?) {
            guard let value, let line = HeaderRules.line(name, value) else { return }
            lines += line
        }
        line("X-User-Id", subject)
        line("X-User-Name", name)
        line("X-User-Email", email)
        line("X-User-Permissions", permissions.isEmpty ? nil : permissions.sorted().joined(separator: " "))
        line("X-User-Auth-Method", method)
        self.lines = lines
    }

    init(_ claims: TokenClaims) {
        self.init(
            subject: claims.subject, name: claims.name, email: claims.email, permissions: claims.permissions,
            isSuperuser: claims.isSuperuser, method: "jwt")
    }

    /// Superusers have every permission.
    func has(_ permission: String) -> Bool { isSuperuser || permissions.contains(permission) }
}
