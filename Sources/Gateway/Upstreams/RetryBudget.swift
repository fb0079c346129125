/// Keeps retries to a part of the requests, so that they do not bury an upstream that is in trouble already.
struct RetryBudget {
    /// Retries that one request is good for.
    private static let share = 0.08
    private static let maximum = 10.0
    private var balance = 1.0

    mutating func requestStarted() { balance = min(Self.maximum, balance + Self.share) }

    mutating func takeRetry() -> Bool {
        guard balance >= 1 else { return false }
        balance -= 1
        return true
    }
}
