import MartletCore
import MartletData

/// A rate limit's tokens: one for each start, refilled evenly over the period.
struct TokenBucket {
    private let limit: JobKind.RateLimit
    private(set) var tokens: Double
    private(set) var updatedAt: Timestamp

    init(_ limit: JobKind.RateLimit, tokens: Double, at updatedAt: Timestamp) {
        self.limit = limit
        self.tokens = tokens
        self.updatedAt = updatedAt
    }

    private var perMicrosecond: Double { Double(limit.count) / Double(max(1, limit.period.microseconds)) }

    /// Refills the bucket.
    /// - Returns: the number of whole tokens.
    mutating func available(at now: Timestamp) -> Int {
        let passed = Double(max(0, now.microseconds - updatedAt.microseconds))
        tokens = min(Double(limit.count), max(0, tokens) + passed * perMicrosecond)
        updatedAt = now
        return Int(tokens)
    }

    mutating func spend(_ count: Int) { tokens -= Double(count) }

    /// The time until the next whole token.
    var wait: Duration {
        let missing = max(0, 1 - tokens)
        return .microseconds(Int64((missing / perMicrosecond).rounded(.up)))
    }
}
