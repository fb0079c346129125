import MartletCore

/// What is done with a refresh token that somebody presents; the reasons are in ADR 0034.
enum RefreshRule {
    /// How many tokens a generation of a session has at most: the one that follows, and those of the other tabs.
    static let maximumSuccessors = 6
    /// How many generations of a session are remembered: two weeks of renewals every five minutes. It bounds what a session
    /// takes up, however often it is renewed; who presents an older token is told that nobody knows it.
    static let rememberedGenerations = 4096

    /// What the database knows of a token.
    struct Token: Sendable, Decodable {
        let usedAt: Timestamp?
        let usedByCookie: Bool?
        let generation: Int
        /// When a token of its generation was used first, it or another tab's; of those from before generations were kept,
        /// which have all the same one, nil.
        let generationUsedAt: Timestamp?
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
        // A browser has one cookie. So where a later token has been used, or long ago another one of this generation,
        // two hold tokens of the session, even if this one has not been used.
        let isRecent = [token.usedAt, token.generationUsedAt].allSatisfy { isWithin(grace, $0, of: now) }
        guard isRecent, !token.isSurpassed else { return .stolen }
        let hasRoom = token.successors < maximumSuccessors
        guard token.usedAt != nil else { return hasRoom ? .first : .refused }
        guard token.usedByCookie == byCookie else { return .stolen }
        return byCookie && hasRoom ? .again : .refused
    }

    /// Of a clock that was set back as well: no more seconds than these.
    private static func isWithin(_ grace: Int64, _ time: Timestamp?, of now: Timestamp) -> Bool {
        guard let time else { return true }
        return now <= time.advanced(bySeconds: grace) && now >= time.advanced(bySeconds: -grace)
    }
}
