import MartletCore

/// The claims of a verified token.
public struct TokenClaims: Sendable {
    public let subject: String
    public let name: String?
    public let email: String?
    /// `permissions` and the words of `scope`.
    public let permissions: Set<String>
    public let isStaff: Bool
    public let isSuperuser: Bool
    /// The session of the token: `sid`, or else `jti`.
    public let session: String?
    /// The expiry (`exp`) without leeway, in seconds since 1970.
    public let expires: Int64
}

extension TokenClaims {
    /// Reads and checks the claims of a token with a valid signature, in one pass over its members.
    /// - Throws: ``Problem`` 401 when the claims are invalid.
    init(_ members: [(String, JSONValue)], _ issuer: TokenIssuer, at now: Int64) throws(Problem) {
        var texts = Texts()
        var times = Times()
        var audiences: [String] = []
        var permissions: Set<String> = []
        var (isStaff, isSuperuser) = (false, false)
        for (name, value) in members {
            switch name {
            case _ where name.isExactly("iss"): texts.issuer = value.stringValue
            case _ where name.isExactly("sub"): texts.subject = value.stringValue
            case _ where name.isExactly("sid"): texts.session = value.stringValue
            case _ where name.isExactly("jti"): texts.id = value.stringValue
            case _ where name.isExactly("username"): texts.username = value.stringValue
            case _ where name.isExactly("preferred_username"): texts.preferredUsername = value.stringValue
            case _ where name.isExactly("email"): texts.email = value.stringValue
            case _ where name.isExactly("exp"): times.end = try Self.time(value)
            case _ where name.isExactly("nbf"): times.start = try Self.time(value)
            case _ where name.isExactly("iat"): times.issue = try Self.time(value)
            case _ where name.isExactly("aud"): audiences = value.stringValue.map { [$0] } ?? Self.strings(value)
            // Martlet and Django use "permissions"; OAuth uses "scope" (RFC 8693 §4.2).
            case _ where name.isExactly("permissions"): permissions.formUnion(Self.strings(value))
            case _ where name.isExactly("scope"):
                permissions.formUnion(
                    value.stringValue?.utf8.split(separator: 0x20).map { String(Substring($0)) } ?? [])
            case _ where name.isExactly("is_staff"): isStaff = value == .bool(true)
            case _ where name.isExactly("is_superuser"): isSuperuser = value == .bool(true)
            default: break
            }
        }
        try times.require(issuer, at: now)
        if let expected = issuer.issuer, texts.issuer?.isExactly(expected) != true { throw .invalidToken }
        if let expected = issuer.audience, !audiences.contains(where: { $0.isExactly(expected) }) {
            throw .invalidToken
        }
        guard let subject = texts.subject, !subject.isEmpty, let end = times.end else { throw .invalidToken }
        self.init(
            subject: subject, name: texts.username ?? texts.preferredUsername, email: texts.email,
            permissions: permissions, isStaff: isStaff, isSuperuser: isSuperuser, session: texts.session ?? texts.id,
            expires: end)
    }

    private struct Texts {
        var issuer: String?
        var subject: String?
        var session: String?
        var id: String?
        var username: String?
        var preferredUsername: String?
        var email: String?
    }

    private struct Times {
        var end: Int64?
        var start: Int64?
        var issue: Int64?

        func require(_ issuer: TokenIssuer, at now: Int64) throws(Problem) {
            guard let end else { throw .invalidToken }
            guard now < end + issuer.leewaySeconds else { throw .tokenExpired }
            if let start, now < start - issuer.leewaySeconds { throw .invalidToken }
            // A token from the future would outlive its lifetime: a clock was set back.
            if let tolerance = issuer.issueTolerance, let issue, issue > now + tolerance.components.seconds {
                throw .invalidToken
            }
        }
    }

    /// NumericDate may have a fraction (RFC 7519 §2).
    private static func time(_ value: JSONValue) throws(Problem) -> Int64 {
        guard case .number(let text) = value, text.utf8.count <= 32, let seconds = Double(text),
            seconds.magnitude < 1e15
        else { throw .invalidToken }
        return Int64(seconds)
    }

    private static func strings(_ value: JSONValue) -> [String] { value.arrayValue?.compactMap(\.stringValue) ?? [] }
}
