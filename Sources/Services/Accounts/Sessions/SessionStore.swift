import MartletCore
import MartletData
import MartletTokens
import MartletWeb

/// The sessions and their refresh tokens in the database. Every method is one transaction.
///
/// A session is what counts: tokens are checked against it at each use, so ending it ends them all.
struct SessionStore: Sendable {
    let database: Database
    let settings: AccountsSettings
    let clock: WallClock
    /// Is told of sessions that have ended, once that is committed.
    let onEnd: @Sendable ([String]) -> Void

    /// Opens a session for a user whose password has been verified.
    /// - Parameters:
    ///   - account: as it was when the password was verified.
    ///   - renewed: a new hash of the same password.
    /// - Returns: nil when the account has been changed or deactivated since.
    func open(_ account: Credentials, renewed: PasswordHash?, from address: String?) async throws -> Grant? {
        let now = clock.now
        return try await database.transaction { connection in
            let user = try await connection.first(
                User.self,
                """
                UPDATE users SET last_login = \(now), last_login_ip = \(address),
                    password_hash = \((renewed ?? account.hash).encoded)
                WHERE id = \(account.id) AND is_active = \(true) AND password_hash = \(account.hash.encoded)
                RETURNING \(User.columns)
                """)
            guard let user else { return nil }
            try await connection.execute("DELETE FROM sessions WHERE user_id = \(user.id) AND expires_at <= \(now)")
            let id = randomText(bytes: 16)
            let expires = now.advanced(bySeconds: settings.refreshTokenLifetime)
            try await connection.execute(
                """
                INSERT INTO sessions (id, user_id, created_at, expires_at, address)
                VALUES (\(id), \(user.id), \(now), \(expires), \(address))
                """)
            let token = try await issueToken(for: id, at: now, on: connection)
            return Grant(user: user, sessionID: id, refreshToken: token)
        }
    }

    /// Exchanges a refresh token for the next one. A token serves once: whoever presents it a second time has stolen it,
    /// or it was stolen from them, and the session ends.
    /// - Parameter byCookie: two tabs of one browser share a cookie; within the grace time a second use is taken for
    ///   that.
    /// - Throws: ``Problem`` 401 `invalid_token` or `session_ended`.
    func rotate(_ token: RefreshToken, byCookie: Bool) async throws -> Grant {
        let now = clock.now
        let outcome = try await database.transaction { connection in
            try await rotate(token, byCookie: byCookie, at: now, on: connection)
        }
        switch outcome {
        case .continued(let grant): return grant
        case .unknown: throw Problem.invalidRefreshToken
        case .ended(let session):
            onEnd([session])
            throw Problem.sessionEnded
        }
    }

    private enum Rotation: Sendable {
        case continued(Grant)
        case unknown
        case ended(String)
    }

    private func rotate(
        _ token: RefreshToken, byCookie: Bool, at now: Timestamp, on connection: any Connection
    ) async throws -> Rotation {
        // The database decides who is first: of any number of uses at once, one changes the row.
        var session = try await connection.value(
            String.self,
            """
            UPDATE refresh_tokens SET used_at = \(now)
            WHERE digest = \(token.digest) AND used_at IS NULL AND expires_at > \(now) RETURNING session_id
            """)
        if session == nil {
            let used = try await connection.first(
                UsedToken.self,
                """
                SELECT session_id, used_at FROM refresh_tokens
                WHERE digest = \(token.digest) AND used_at IS NOT NULL AND expires_at > \(now)
                """)
            guard let used else { return .unknown }
            guard byCookie, now <= used.usedAt.advanced(bySeconds: settings.refreshGrace) else {
                try await connection.execute(
                    "UPDATE sessions SET ended_at = \(now) WHERE id = \(used.sessionId) AND ended_at IS NULL")
                return .ended(used.sessionId)
            }
            session = used.sessionId
        }
        guard let session, let user = try await user(of: session, at: now, on: connection) else {
            return session.map(Rotation.ended) ?? .unknown
        }
        let expires = now.advanced(bySeconds: settings.refreshTokenLifetime)
        try await connection.execute("UPDATE sessions SET expires_at = \(expires) WHERE id = \(session)")
        try await connection.execute(
            "DELETE FROM refresh_tokens WHERE session_id = \(session) AND expires_at <= \(now)")
        let next = try await issueToken(for: session, at: now, on: connection)
        return .continued(Grant(user: user, sessionID: session, refreshToken: next))
    }

    private struct UsedToken: Decodable {
        let sessionId: String
        let usedAt: Timestamp
    }

    /// Ends the session that a refresh token belongs to, if there is one.
    func end(_ token: RefreshToken) async throws {
        let now = clock.now
        let session = try await database.value(
            String.self,
            """
            UPDATE sessions SET ended_at = \(now) WHERE ended_at IS NULL
                AND id = (SELECT session_id FROM refresh_tokens WHERE digest = \(token.digest))
            RETURNING id
            """)
        if let session { onEnd([session]) }
    }

    /// The user of a session that has neither ended nor expired.
    /// - Throws: ``Problem`` 401 `session_ended`.
    func user(of principal: Principal) async throws -> User { try await user(of: principal, on: database) }

    /// As ``user(of:)``, within a transaction.
    func user(of principal: Principal, on connection: some Queryable) async throws -> User {
        let user = try await user(of: principal.sessionID, at: clock.now, on: connection)
        guard let user, user.id.rawValue == principal.userID else { throw Problem.sessionEnded }
        return user
    }

    private func user(of session: String, at now: Timestamp, on connection: some Queryable) async throws -> User? {
        try await connection.first(
            User.self,
            """
            SELECT \(User.columns) FROM users WHERE is_active = \(true) AND id =
                (SELECT user_id FROM sessions WHERE id = \(session) AND ended_at IS NULL AND expires_at > \(now))
            """)
    }

    /// Ends the sessions of a user within a transaction.
    /// - Parameter kept: a session that goes on.
    /// - Returns: those that ended, for ``onEnd`` after the commit.
    func endAll(
        of user: ID<User>, except kept: String? = nil, on connection: any Connection
    ) async throws -> [String] {
        try await connection.values(
            String.self,
            """
            UPDATE sessions SET ended_at = \(clock.now)
            WHERE user_id = \(user) AND ended_at IS NULL AND id <> \(kept ?? "") RETURNING id
            """)
    }

    /// Deletes what has expired.
    func forgetExpired() async throws {
        try await database.execute("DELETE FROM sessions WHERE expires_at <= \(clock.now)")
    }

    private func issueToken(
        for session: String, at now: Timestamp, on connection: any Connection
    ) async throws -> RefreshToken {
        let token = RefreshToken()
        try await connection.execute(
            """
            INSERT INTO refresh_tokens (digest, session_id, expires_at)
            VALUES (\(token.digest), \(session), \(now.advanced(bySeconds: settings.refreshTokenLifetime)))
            """)
        return token
    }
}
