import Contracts
import MartletCore
import MartletData
import MartletMessaging
import MartletTokens

/// The sessions and their refresh tokens in the database. Every method is one transaction.
///
/// Each use of a token checks its session, so ending the session ends all its tokens.
struct SessionStore: Sendable {
    let database: Database
    let messages: Messages
    let settings: AccountsSettings
    let clock: WallClock
    /// Called with ended sessions after the commit.
    let onEnd: @Sendable ([EndedSession]) -> Void

    /// Opens a session for a user whose password has been verified.
    /// - Parameters:
    ///   - account: the account when the password was verified.
    ///   - renewed: a new hash of the same password.
    /// - Returns: nil when the account has since been changed or deactivated.
    func open(_ account: Credentials, renewed: PasswordHash?, from address: String?) async throws -> Grant? {
        let now = clock.now
        let (grant, ended) = try await database.transaction { connection -> (Grant?, [EndedSession]) in
            let user = try await connection.first(
                User.self,
                """
                UPDATE users SET last_login = \(now), last_login_ip = \(address),
                    password_hash = \((renewed ?? account.hash).encoded)
                WHERE id = \(account.id) AND is_active = \(true) AND password_hash = \(account.hash.encoded)
                RETURNING \(User.columns)
                """)
            guard let user else { return (nil, []) }
            let yesterday = now.advanced(bySeconds: -86_400)
            try await connection.execute(
                """
                DELETE FROM sessions WHERE user_id = \(user.id) AND (expires_at <= \(now) OR ended_at <= \(yesterday))
                """)
            let id = SecureRandom.text(bytes: 16)
            let expires = now.advanced(bySeconds: settings.refreshTokenLifetime)
            let session: ColumnValues = [
                "id": id, "user_id": user.id, "created_at": now, "expires_at": expires, "address": address,
                "tokens_end": tokensEnd(at: now),
            ]
            try await connection.execute("INSERT INTO sessions \(values: session)")
            // Each use extends a session, so the one that expires first has been idle the longest.
            let ended = try await end(
                """
                user_id = \(user.id) AND id <> \(id) AND id NOT IN (
                    SELECT id FROM sessions WHERE user_id = \(user.id) AND ended_at IS NULL AND id <> \(id)
                    ORDER BY expires_at DESC, created_at DESC, id LIMIT \(settings.maximumSessions - 1))
                """, at: now, on: connection)
            let token = try await issueToken(for: id, generation: 0, at: now, on: connection)
            try await messages.emit(SessionStarted(userID: user.id.rawValue, sessionID: id), on: connection)
            return (Grant(user: user, sessionID: id, refreshToken: token, issuedAt: now), ended)
        }
        onEnd(ended)
        return grant
    }

    /// Exchanges a refresh token for the next one, as decided by ``RefreshRule``.
    /// - Parameter byCookie: whether the token was presented in a cookie.
    /// - Throws: ``Problem`` 401 `invalid_token`, `refresh_token_used` or `session_ended`.
    func rotate(_ token: RefreshToken, byCookie: Bool) async throws -> Grant {
        let now = clock.now
        let outcome = try await database.transaction { connection in
            try await rotate(token, byCookie: byCookie, at: now, on: connection)
        }
        switch outcome {
        case .continued(let grant): return grant
        case .unknown: throw Problem.invalidRefreshToken
        case .refused: throw Problem.refreshTokenUsed
        case .ended(let sessions):
            onEnd(sessions)
            throw Problem.sessionEnded
        }
    }

    private enum Rotation: Sendable {
        case continued(Grant)
        case unknown
        case refused
        /// The session has ended. The value lists the sessions that this use has ended.
        case ended([EndedSession])
    }

    private func rotate(
        _ token: RefreshToken, byCookie: Bool, at now: Timestamp, on connection: any Connection
    ) async throws -> Rotation {
        guard let id = try await lockSession(of: token, on: connection) else { return .unknown }
        let known = try await connection.first(
            RefreshRule.Token.self,
            """
            SELECT used_at, used_by_cookie, generation,
                (SELECT min(sibling.used_at) FROM refresh_tokens AS sibling
                    WHERE sibling.session_id = presented.session_id AND sibling.generation = presented.generation
                        AND sibling.used_by_cookie IS NOT NULL) AS generation_used_at,
                EXISTS (
                    SELECT 1 FROM refresh_tokens AS later WHERE later.session_id = presented.session_id
                        AND later.generation > presented.generation AND later.used_at IS NOT NULL) AS is_surpassed,
                (SELECT count(*) FROM refresh_tokens AS following WHERE following.session_id = presented.session_id
                    AND following.generation = presented.generation + 1) AS successors
            FROM refresh_tokens AS presented WHERE digest = \(token.digest) AND expires_at > \(now)
            """)
        guard let known else { return .unknown }
        guard let user = try await user(of: id, at: now, on: connection) else { return .ended([]) }
        switch RefreshRule.verdict(on: known, byCookie: byCookie, at: now, grace: settings.refreshGrace) {
        case .first:
            try await connection.execute(
                """
                UPDATE refresh_tokens SET used_at = \(now), used_by_cookie = \(byCookie)
                WHERE digest = \(token.digest)
                """)
            // Delete old tokens by the index, so that a session that is refreshed constantly stays fast.
            try await connection.execute(
                """
                DELETE FROM refresh_tokens WHERE session_id = \(id)
                    AND generation < \(known.generation - RefreshRule.rememberedGenerations)
                """)
        case .again: break
        case .refused: return .refused
        case .stolen: return .ended(try await end("id = \(id)", at: now, on: connection))
        }
        let expires = now.advanced(bySeconds: settings.refreshTokenLifetime)
        try await connection.execute(
            "UPDATE sessions SET expires_at = \(expires), tokens_end = \(latestTokensEnd(at: now)) WHERE id = \(id)")
        let next = try await issueToken(for: id, generation: known.generation + 1, at: now, on: connection)
        return .continued(Grant(user: user, sessionID: id, refreshToken: next, issuedAt: now))
    }

    /// Locks the session of a token until the transaction ends, so that uses of its tokens are serialized.
    /// - Returns: the session; nil when the token is unknown.
    private func lockSession(of token: RefreshToken, on connection: any Connection) async throws -> String? {
        try await connection.value(
            String.self,
            """
            SELECT id FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE digest = \(token.digest))
            \(database.dialect.forUpdate)
            """)
    }

    /// Ends the session of a refresh token, if there is one.
    func end(_ token: RefreshToken) async throws {
        let now = clock.now
        let ended = try await database.transaction { connection -> [EndedSession] in
            guard let id = try await lockSession(of: token, on: connection) else { return [] }
            return try await end("id = \(id)", at: now, on: connection)
        }
        onEnd(ended)
    }

    /// The user of a session that has neither ended nor expired.
    /// - Throws: ``Problem`` 401 `session_ended`.
    func user(of principal: Principal) async throws -> User { try await user(of: principal, on: database) }

    /// Like ``user(of:)``, within a transaction.
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
    /// - Parameter kept: a session that continues.
    /// - Returns: the ended sessions, to pass to ``onEnd`` after the commit.
    func endAll(
        of user: ID<User>, except kept: String? = nil, on connection: any Connection
    ) async throws -> [EndedSession] {
        try await end("user_id = \(user) AND id <> \(kept ?? "")", at: clock.now, on: connection)
    }

    /// Ends sessions and records them for processes that start later. All sessions end through this method.
    /// - Parameter condition: selects the sessions.
    private func end(
        _ condition: SQL, at now: Timestamp, on connection: any Connection
    ) async throws -> [EndedSession] {
        struct Owned: Decodable {
            let id: String
            let tokensEnd: Timestamp
            let userId: Int64
        }
        let owned = try await connection.all(
            Owned.self,
            """
            UPDATE sessions SET ended_at = \(now), tokens_end = \(latestTokensEnd(at: now))
            WHERE ended_at IS NULL AND \(condition)
            RETURNING id, tokens_end, user_id
            """)
        let ended = owned.map { EndedSession(id: $0.id, tokensEnd: $0.tokensEnd) }
        for batch in ended.batches(of: 500) {
            try await connection.execute("INSERT INTO ended_sessions \(rows: batch)")
        }
        for session in owned {
            try await messages.emit(
                SessionEnded(userID: session.userId, sessionID: session.id, tokensEnd: session.tokensEnd),
                on: connection)
        }
        return ended
    }

    /// The ended sessions whose access tokens have not expired yet.
    ///
    /// Includes tokens that expired up to an hour ago: the clock may be ahead now and be corrected later.
    func endedLately() async throws -> [EndedSession] {
        try await database.all(
            EndedSession.self,
            "SELECT id, tokens_end FROM ended_sessions WHERE tokens_end > \(clock.now.advanced(bySeconds: -3600))")
    }

    /// Deletes expired sessions.
    func forgetExpired() async throws {
        let now = clock.now
        try await database.execute("DELETE FROM sessions WHERE expires_at <= \(now)")
        try await database.execute(
            "DELETE FROM ended_sessions WHERE tokens_end <= \(now.advanced(bySeconds: -86_400))")
    }

    /// When a session's last token expires. Never earlier than recorded, because the clock may have been ahead before.
    private func latestTokensEnd(at now: Timestamp) -> SQL {
        database.dialect.greatest("coalesce(tokens_end, \(now))", "\(tokensEnd(at: now))")
    }

    private func tokensEnd(at now: Timestamp) -> Timestamp { now.advanced(bySeconds: settings.accessTokenLifetime) }

    private func issueToken(
        for session: String, generation: Int, at now: Timestamp, on connection: any Connection
    ) async throws -> RefreshToken {
        let token = RefreshToken()
        let columns: ColumnValues = [
            "digest": token.digest, "session_id": session, "generation": generation,
            "expires_at": now.advanced(bySeconds: settings.refreshTokenLifetime),
        ]
        try await connection.execute("INSERT INTO refresh_tokens \(values: columns)")
        return token
    }
}
