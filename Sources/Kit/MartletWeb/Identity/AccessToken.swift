public import JWTKit
public import MartletCore

/// The claims of an access token (RFC 7519; a JWT access token in the sense of RFC 9068).
public struct AccessToken: JWTPayload, Sendable {
    /// The issuer and the audience of every token of the platform.
    public static let issuer = "martlet"

    public var iss: String
    public var aud: String
    public var sub: String
    /// The expiry, in seconds since 1970.
    public var exp: Int64
    public var iat: Int64
    public var jti: String
    /// The session. When it ends, the token ends too.
    public var sid: String
    public var username: String
    public var permissions: [String]
    public var isStaff: Bool
    public var isSuperuser: Bool

    private enum CodingKeys: String, CodingKey {
        case iss, aud, sub, exp, iat, jti, sid, username, permissions
        case isStaff = "is_staff"
        case isSuperuser = "is_superuser"
    }

    public init(_ principal: Principal, id: String, issuedAt: Timestamp, lifetime: Int64) {
        iss = Self.issuer
        aud = Self.issuer
        sub = String(principal.userID)
        iat = issuedAt.secondsSince1970
        exp = issuedAt.advanced(bySeconds: lifetime).secondsSince1970
        jti = id
        sid = principal.sessionID
        username = principal.username
        permissions = principal.permissions.sorted()
        isStaff = principal.isStaff
        isSuperuser = principal.isSuperuser
    }

    /// Does nothing: the type is used for signing only, and ``MartletTokens/TokenChecker`` verifies tokens.
    public func verify(using algorithm: some JWTAlgorithm) async throws {}
}
