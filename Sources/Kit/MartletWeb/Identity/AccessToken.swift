public import JWTKit
public import MartletCore
import MartletTokens

/// The claims of an access token (RFC 7519; a JWT access token in the sense of RFC 9068).
public struct AccessToken: JWTPayload, Sendable {
    /// Every Martlet token names the platform as its issuer and its audience.
    public static let issuer = "martlet"

    public var iss: String
    public var aud: String
    public var sub: String
    /// When the token ends, in seconds since 1970.
    public var exp: Int64
    public var iat: Int64
    public var jti: String
    /// The session; its end is the token's end.
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

    /// Only the signature is JWTKit's to check; ``principal(at:)`` checks the claims, by the platform's clock.
    public func verify(using algorithm: some JWTAlgorithm) async throws {}

    /// - Throws: ``Problem`` 401 when the token has ended or was made for something else.
    public func principal(at now: Timestamp) throws(Problem) -> Principal {
        guard iss == Self.issuer, aud == Self.issuer, let userID = Int64(sub) else { throw .invalidToken }
        guard now.secondsSince1970 < exp else { throw .tokenExpired }
        // A clock that runs a little behind the issuer's is no reason to refuse.
        guard iat <= now.advanced(bySeconds: 60).secondsSince1970 else { throw .invalidToken }
        return Principal(
            userID: userID, username: username, sessionID: sid, permissions: Set(permissions), isStaff: isStaff,
            isSuperuser: isSuperuser)
    }
}
