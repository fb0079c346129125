import MartletCore

/// Decides what to do with a presented refresh token. ADR 0034 gives the reasons.
enum RefreshRule {
    /// The maximum number of tokens in a generation of a session: the regular successor and those of other tabs.
    static let maximumSuccessors = 6
    /// The number of generations kept for a session: two weeks of refreshes every five minutes. It bounds the storage
    /// of a session. An older token is treated as unknown.
    static let rememberedGenerations = 4096

    /// The state of a token in the database.
    struct Token: Sendable, Decodable {
        let usedAt: Timestamp?
        let usedByCookie: Bool?
        let generation: Int
        /// When a token of its generation was first used, by any tab. Nil for tokens from before generations were
        /// recorded, which all have the same generation.
        let generationUsedAt: Timestamp?
        /// Whether a later token has been used.
        let isSurpassed: Bool
        /// The number of tokens in the next generation.
        let successors: Int
    }

    enum Verdict: Equatable {
        /// The token is unused. Issue the next token.
        case first
        /// Two tabs have used the token at the same time. Issue another one.
        case again
        /// Issue no token. The session continues for the first user of the token.
        case refused
        /// Two parties hold the token, so it was stolen. End the session.
        case stolen
    }

    /// - Parameters:
    ///   - byCookie: whether the token is presented in a cookie.
    ///   - grace: the seconds after its first use in which it may be presented again.
    static func verdict(on token: Token, byCookie: Bool, at now: Timestamp, grace: Int64) -> Verdict {
        // A browser has one cookie. If a later token has been used, or another of this generation long ago, then two
        // parties hold tokens of the session, even if this token is unused.
        let isRecent = [token.usedAt, token.generationUsedAt].allSatisfy { isWithin(grace, $0, of: now) }
        guard isRecent, !token.isSurpassed else { return .stolen }
        let hasRoom = token.successors < maximumSuccessors
        guard token.usedAt != nil else { return hasRoom ? .first : .refused }
        guard token.usedByCookie == byCookie else { return .stolen }
        return byCookie && hasRoom ? .again : .refused
    }

    /// Whether two times differ by at most `grace` seconds in either direction, since the clock may have been set back.
    private static func isWithin(_ grace: Int64, _ time: Timestamp?, of now: Timestamp) -> Bool {
        guard let time else { return true }
        return now <= time.advanced(bySeconds: grace) && now >= time.advanced(bySeconds: -grace)
    }
}
