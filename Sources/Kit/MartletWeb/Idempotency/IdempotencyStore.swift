import MartletCore
import MartletData

/// The keys in use and the answers to requests with a key, in the service's database.
struct IdempotencyStore: Sendable {
    /// The track of the table's migrations.
    static let track = "idempotency"

    static let migrations = [
        Migration(1, "idempotency keys") { dialect in
            [
                // A row without a status is a claim: its request is being handled, or its process has died.
                """
                CREATE TABLE idempotency_keys (
                    user_id BIGINT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL,
                    fingerprint \(dialect.blob) NOT NULL, claim BIGINT NOT NULL, expires_at \(dialect.timestamp) NOT NULL,
                    status BIGINT, content_type TEXT, fields TEXT, body \(dialect.blob),
                    PRIMARY KEY (user_id, route, key)
                )
                """,
                "CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at)",
            ]
        }
    ]

    /// The maximum length of a stored body, in bytes.
    static let maximumBodyBytes = 64 * 1024

    /// How long a claim holds. It is renewed while the handler runs, so it expires only after the process has died.
    var claimLifetime = Duration.seconds(60)
    /// How long an answer is kept.
    var answerLifetime = Duration.seconds(24 * 3600)

    private let database: Database
    private let time: DatabaseTime

    init(_ database: Database) {
        self.database = database
        time = DatabaseTime(database.dialect)
    }

    /// Claims the key for a request.
    /// - Returns: nil when the request is the first with this key; the stored answer when it repeats an answered one.
    /// - Throws: ``Problem`` 422 when the key belongs to a different request, 409 while the first one is being handled.
    func claim(_ claim: IdempotencyClaim) async throws -> ResponseParts? {
        // The row can disappear between the two statements, when the first request fails.
        for _ in 0..<3 {
            let claimed = try await database.execute(
                """
                INSERT INTO idempotency_keys (user_id, route, key, fingerprint, claim, expires_at)
                VALUES (
                    \(claim.userID), \(claim.route), \(claim.key), \(claim.fingerprint), \(claim.token),
                    \(time.after(claimLifetime))
                )
                ON CONFLICT (user_id, route, key) DO UPDATE SET
                    fingerprint = excluded.fingerprint, claim = excluded.claim, expires_at = excluded.expires_at,
                    status = NULL, content_type = NULL, fields = NULL, body = NULL
                WHERE idempotency_keys.expires_at <= \(time.now)
                """)
            if claimed > 0 { return nil }
            let found = try await database.first(
                Stored.self,
                """
                SELECT fingerprint, status, content_type, fields, body FROM idempotency_keys
                WHERE user_id = \(claim.userID) AND route = \(claim.route) AND key = \(claim.key)
                """)
            guard let found else { continue }
            guard found.fingerprint == claim.fingerprint else { throw Problem.idempotencyKeyReused }
            guard let status = found.status else { throw Problem.idempotencyKeyInUse }
            return try found.answer(status)
        }
        throw Problem.idempotencyKeyInUse
    }

    /// Extends a claim.
    func renew(_ claim: IdempotencyClaim) async throws {
        try await database.execute(
            "UPDATE idempotency_keys SET expires_at = \(time.after(claimLifetime)) WHERE \(unanswered(claim))")
    }

    /// Gives a claim up, so that the next request with the key is the first again.
    func release(_ claim: IdempotencyClaim) async throws {
        try await database.execute("DELETE FROM idempotency_keys WHERE \(unanswered(claim))")
    }

    /// Stores the answer. Does nothing if the claim has been lost.
    func finish(_ claim: IdempotencyClaim, _ answer: ResponseParts) async throws {
        var fields = answer.headers.map { Field(name: $0.name, value: $0.value) }
        if let tag = answer.entityTag { fields.append(Field(name: "ETag", value: tag)) }
        let isKept = answer.body.map { $0.count <= Self.maximumBodyBytes } ?? true
        let json = String(decoding: try JSONWriter.bytes(of: fields), as: UTF8.self)
        try await database.execute(
            """
            UPDATE idempotency_keys SET
                status = \(answer.status), content_type = \(answer.contentType), fields = \(isKept ? json : nil),
                body = \(isKept ? answer.body : nil), expires_at = \(time.after(answerLifetime))
            WHERE \(unanswered(claim))
            """)
    }

    /// Deletes expired rows.
    /// - Returns: whether there may be more than `limit`.
    func deleteExpired(limit: Int) async throws -> Bool {
        let deleted = try await database.execute(
            """
            DELETE FROM idempotency_keys WHERE (user_id, route, key) IN (
                SELECT user_id, route, key FROM idempotency_keys WHERE expires_at <= \(time.now)
                ORDER BY expires_at LIMIT \(limit)\(database.dialect.forUpdateSkipLocked)
            )
            """)
        return deleted >= limit
    }

    private func unanswered(_ claim: IdempotencyClaim) -> SQL {
        """
        user_id = \(claim.userID) AND route = \(claim.route) AND key = \(claim.key) AND claim = \(claim.token)
        AND status IS NULL
        """
    }

    private struct Field: Codable {
        let name: String
        let value: String
    }

    private struct Stored: Decodable {
        let fingerprint: [UInt8]
        let status: Int?
        let contentType: String?
        /// nil for an answer that was too long to store.
        let fields: [Field]?
        let body: [UInt8]?

        func answer(_ status: Int) throws(Problem) -> ResponseParts {
            guard let fields else { throw .idempotentAnswerNotKept(status) }
            let headers = fields.map { ($0.name, $0.value) } + [(Idempotency.replayed, "true")]
            return ResponseParts(
                status: status, body: body, headers: headers, contentType: contentType ?? "application/json")
        }
    }
}

extension Problem {
    static let idempotencyKeyReused = Problem(
        status: 422, detail: "This Idempotency-Key belongs to a different request. Choose a new one.",
        code: "idempotency_key_reused")

    static let idempotencyKeyInUse = Problem(
        status: 409, detail: "The first request with this Idempotency-Key is still being handled.",
        code: "idempotency_key_in_use", headers: [("Retry-After", "1")])

    static func idempotentAnswerNotKept(_ status: Int) -> Problem {
        .conflict(
            "The first request with this Idempotency-Key got status \(status). Its answer was too long to be kept.",
            code: "idempotent_answer_not_kept")
    }
}
