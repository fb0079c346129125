import Crypto
import JWTKit
public import MartletCore
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a verified token says of its user.
public struct TokenClaims: Sendable {
    public let subject: String
    public let name: String?
    public let email: String?
    /// `permissions` and the words of `scope`.
    public let permissions: Set<String>
    public let isStaff: Bool
    public let isSuperuser: Bool
    /// What ends when the session does: `sid`, or else `jti`.
    public let session: String?
}

/// Finds out whose a JSON Web Token is (RFC 7519), by the practices of RFC 8725.
///
/// What has been verified is remembered by the token's SHA-256 until it ends or is revoked: checking a signature costs
/// more than all the rest of a request.
public final class TokenVerifier<Identity: Sendable>: Sendable {
    private struct Remembered {
        let identity: Identity
        let session: String?
        /// Seconds since 1970, the leeway included.
        let expires: Int64
    }

    private struct State {
        var verified: [SHA256.Digest: Remembered] = [:]
        /// Sessions that ended before their tokens did, and when they may be forgotten.
        var revoked: [String: Int64] = [:]
    }

    /// How many tokens are remembered; beyond it the memory is emptied, which costs one signature check each.
    private static var capacity: Int { 50_000 }
    private static var maximumLength: Int { 8192 }

    private let issuer: TokenIssuer
    private let keys: TokenKeys
    private let clock: WallClock
    private let state = Mutex(State())
    private let leeway: Int64
    private let identify: @Sendable (TokenClaims) throws(Problem) -> Identity

    /// - Parameter identify: makes of a token's claims what is remembered of it, or throws when they do not suffice.
    public init(
        _ issuer: TokenIssuer, keys: TokenKeys,
        clock: WallClock = .system,
        identify: @escaping @Sendable (TokenClaims) throws(Problem) -> Identity
    ) {
        self.identify = identify
        self.issuer = issuer
        self.keys = keys
        self.clock = clock
        leeway = max(0, issuer.leeway.components.seconds)
    }

    /// What is known of a token without checking its signature; nil when that has to be done.
    public func known(_ token: UnsafeRawBufferPointer) -> Result<Identity, Problem>? {
        guard token.count <= Self.maximumLength else { return .failure(.invalidToken) }
        let digest = SHA256.hash(data: token)
        guard let remembered = state.withLock({ $0.verified[digest] }) else { return nil }
        return clock.now.secondsSince1970 < remembered.expires ? .success(remembered.identity) : .failure(.tokenExpired)
    }

    /// Checks everything there is to check.
    /// - Throws: ``Problem`` 401; 503 when there are no keys to check it with.
    public func verify(_ token: [UInt8]) async throws -> Identity {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard token.count <= Self.maximumLength, parts.count == 3,
            let header = object(parts[0]), case .string(let algorithm)? = header["alg"],
            // RFC 7515 §4.1.11: extensions that must be understood, and none is.
            header["crit"] == nil
        else { throw Problem.invalidToken }
        let id = header["kid"].map(\.stringValue)
        // A kid that is not a string is no kid.
        if case .some(.none) = id { throw Problem.invalidToken }
        // The key says by which algorithm it is used; the token's word must be the same.
        let key = try await keys.key(id ?? nil)
        if !(await key.signed(token, algorithm)) {
            guard let renewed = await keys.renewedKey(id ?? nil), await renewed.signed(token, algorithm) else {
                throw Problem.invalidToken
            }
        }
        guard let claims = object(parts[1]) else { throw Problem.invalidToken }
        return try remember(claims, SHA256.hash(data: token))
    }

    private func remember(_ claims: JSONValue, _ digest: SHA256.Digest) throws(Problem) -> Identity {
        let now = clock.now.secondsSince1970
        func time(_ name: String) throws(Problem) -> Int64? {
            guard let value = claims[name] else { return nil }
            // NumericDate may have a fraction (RFC 7519 §2).
            guard case .number(let text) = value, let seconds = Double(text), seconds.magnitude < 1e15 else {
                throw .invalidToken
            }
            return Int64(seconds)
        }
        guard let expires = try time("exp") else { throw .invalidToken }
        guard now < expires + leeway else { throw .tokenExpired }
        if let start = try time("nbf"), now < start - leeway { throw .invalidToken }
        if let expected = issuer.issuer, claims["iss"]?.stringValue != expected { throw .invalidToken }
        if let expected = issuer.audience {
            let audiences = claims["aud"]?.stringValue.map { [$0] } ?? claims["aud"]?.strings ?? []
            guard audiences.contains(expected) else { throw .invalidToken }
        }
        guard let subject = claims["sub"]?.stringValue, !subject.isEmpty else { throw .invalidToken }
        // Martlet and Django say "permissions"; OAuth says "scope" (RFC 8693 §4.2).
        let scopes = claims["scope"]?.stringValue?.split(separator: " ").map(String.init) ?? []
        let found = TokenClaims(
            subject: subject, name: claims["username"]?.stringValue ?? claims["preferred_username"]?.stringValue,
            email: claims["email"]?.stringValue, permissions: Set((claims["permissions"]?.strings ?? []) + scopes),
            isStaff: claims["is_staff"] == .bool(true), isSuperuser: claims["is_superuser"] == .bool(true),
            session: claims["sid"]?.stringValue ?? claims["jti"]?.stringValue)
        let identity = try identify(found)
        let isRevoked = state.withLock { state in
            if let session = found.session, state.revoked[session] != nil { return true }
            if state.verified.count >= Self.capacity { state.verified.removeAll() }
            state.verified[digest] = Remembered(
                identity: identity, session: found.session, expires: expires + leeway)
            return false
        }
        if isRevoked { throw .sessionEnded }
        return identity
    }

    /// Ends all tokens of a session (`sid`, or `jti` of tokens without one) at once.
    /// - Parameter until: when the last of them would have ended by itself, in seconds since 1970.
    public func revoke(session: String, until: Int64) {
        let now = clock.now.secondsSince1970
        state.withLock { state in
            state.revoked = state.revoked.filter { $0.value + leeway > now }
            state.revoked[session] = until
            state.verified = state.verified.filter { $0.value.session != session }
        }
    }

    /// base64url (RFC 4648 §5) of a JSON object without members that come twice.
    private func object(_ part: some Collection<UInt8>) -> JSONValue? {
        var text = String(decoding: part, as: UTF8.self)
        guard !text.utf8.contains(where: { $0 == 0x2B || $0 == 0x2F || $0 == 0x3D }) else { return nil }
        text = text.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: text), let value = try? JSONValue(parsing: Array(data)),
            case .object = value
        else { return nil }
        return value
    }
}

extension TokenKey {
    /// - Parameter claimed: the algorithm that the token names.
    fileprivate func signed(_ token: [UInt8], _ claimed: String) async -> Bool {
        guard algorithm == claimed else { return false }
        return (try? await collection.verify(token, as: AnyClaims.self)) != nil
    }
}

/// The claims are read from the token itself once its signature has been found to be right.
private struct AnyClaims: JWTPayload {
    init(from decoder: any Decoder) {}
    func encode(to encoder: any Encoder) {}
    func verify(using algorithm: some JWTAlgorithm) {}
}

extension JSONValue {
    fileprivate var strings: [String]? {
        guard case .array(let elements) = self else { return nil }
        return elements.compactMap(\.stringValue)
    }
}

extension Problem {
    public static let invalidToken = Problem(
        status: 401, detail: "The access token is not valid.", code: "invalid_token",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
    public static let tokenExpired = Problem(
        status: 401, detail: "The access token has expired.", code: "token_expired",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
    public static let sessionEnded = Problem(
        status: 401, detail: "The session has ended.", code: "session_ended",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
}
