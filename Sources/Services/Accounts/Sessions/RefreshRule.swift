import MartletCore

/// What is done with a refresh token that somebody presents; the reasons are in ADR 0034.
enum RefreshRule {
    /// How many tokens a generation of a session has at most: the one that follows, and those of the other tabs.
    static let maximumSuccessors = 6

    /// What the database knows of a token.
    struct Token: Sendable, Decodable {
        let usedAt: Timestamp?
        let usedByCookie: Bool?
        let generation: Int
        /// Whether a token that came after it has been used.
        let isSurpassed: Bool
        /// How many tokens the next generation has.
        let successors: Int
    }

    enum Verdict: Equatable {
        /// It has not been used, and gives the next token.
        case first
        /// Two tabs have used it at the same moment, and it gives one more.
        case again
        /// It gives nothing; the session goes on for whoever was first.
        case refused
        /// It was stolen, from whoever presents it or by them: the session ends.
        case stolen
    }

    /// - Parameters:
    ///   - byCookie: how it is presented this time.
    ///   - grace: seconds from its first use.
    static func verdict(on token: Token, byCookie: Bool, at now: Timestamp, grace: Int64) -> Verdict {
        guard let usedAt = token.usedAt else { return .first }
        // Of a clock that was set back as well: no more seconds than these.
        let isRecent = now <= usedAt.advanced(bySeconds: grace) && now >= usedAt.advanced(bySeconds: -grace)
        guard isRecent, !token.isSurpassed, token.usedByCookie == byCookie else { return .stolen }
        return byCookie && token.successors < maximumSuccessors ? .again : .refused
    }
}
