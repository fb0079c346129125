import Crypto
import JWTKit
public import MartletCore
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Turns bearer tokens into principals.
///
/// A verified token is remembered by its SHA-256 digest until it ends or its session is revoked: checking a
/// signature costs more than all the rest of a small request.
public final class Authenticator: Sendable {
    private struct Remembered {
        let principal: Principal
        /// Seconds since 1970.
        let expires: Int64
    }

    private struct State {
        var verified: [SHA256.Digest: Remembered] = [:]
        /// Sessions that ended before their tokens did, and when they may be forgotten.
        var revoked: [String: Int64] = [:]
    }

    /// How many tokens are remembered; beyond it the memory is emptied, which costs one signature check each.
    private static let capacity = 20_000

    private let keys: KeySource
    private let clock: WallClock
    private let state = Mutex(State())
    private let onRevoke: @Sendable (_ session: String, _ until: Timestamp) -> Void

    /// - Parameter onRevoke: is told of every session that ends, for others in this process that remember tokens.
    public init(
        keys: KeySource, clock: WallClock = .system,
        onRevoke: @escaping @Sendable (_ session: String, _ until: Timestamp) -> Void = { _, _ in }
    ) {
        self.keys = keys
        self.clock = clock
        self.onRevoke = onRevoke
    }

    /// - Parameter authorization: the value of the `Authorization` header.
    /// - Throws: ``Problem`` 401; 503 when the issuer's keys cannot be had.
    public func principal(authorization: String?) async throws -> Principal {
        guard let authorization else { throw Problem.unauthorized("Sign in first.") }
        let parts = authorization.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Problem.unauthorized("The Authorization header must be 'Bearer <access token>'.")
        }
        return try await principal(token: String(parts[1]))
    }

    /// - Throws: ``Problem`` 401; 503 when the issuer's keys cannot be had.
    public func principal(token: String) async throws -> Principal {
        let digest = SHA256.hash(data: Array(token.utf8))
        let now = clock.now
        let remembered = state.withLock { $0.verified[digest] }
        if let remembered {
            guard now.secondsSince1970 < remembered.expires else { throw Problem.tokenExpired }
            return remembered.principal
        }
        let payload = try await verify(token)
        let principal = try payload.principal(at: now)
        try state.withLock { state in
            guard state.revoked[payload.sid] == nil else { throw Problem.sessionEnded }
            if state.verified.count >= Self.capacity { state.verified.removeAll() }
            state.verified[digest] = Remembered(principal: principal, expires: payload.exp)
        }
        return principal
    }

    /// Ends every access token of a session at once, in this process.
    /// - Parameter until: when the last of them would have ended by itself.
    public func revoke(session: String, until: Timestamp) {
        let now = clock.now.secondsSince1970
        state.withLock { state in
            state.revoked = state.revoked.filter { $0.value > now }
            state.revoked[session] = until.secondsSince1970
            state.verified = state.verified.filter { $0.value.principal.sessionID != session }
        }
        onRevoke(session, until)
    }

    private func verify(_ token: String) async throws -> AccessToken {
        // The header is read before the signature is checked, only to choose the key; the key binds the algorithm.
        guard token.utf8.count <= 8192, let header = token.split(separator: ".").first,
            let json = Data(base64Encoded: padded(header)), let fields = try? JSONValue(parsing: json),
            let id = fields["kid"]?.stringValue
        else { throw Problem.invalidToken }
        let key = try await keys.key(id)
        do {
            return try await key.verify(token, as: AccessToken.self)
        } catch {
            throw Problem.invalidToken
        }
    }

    /// base64url (RFC 4648 §5) as base64.
    private func padded(_ text: Substring) -> String {
        let base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        return base64 + String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
    }
}

extension Problem {
    public static let sessionEnded = Problem(
        status: 401, detail: "The session has ended.", code: "session_ended",
        headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
}
