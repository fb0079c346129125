import MartletCore

/// The time until which the caller of the current task waits for its answer. Calls to other services end by then, and
/// tell those services, so that nobody works for a caller who has given up.
public enum CallDeadline {
    /// nil when the caller has not said how long it waits.
    @TaskLocal public static var current: ContinuousClock.Instant?

    /// The header field that holds the caller's remaining time in milliseconds, as Envoy sends it.
    public static let header = "X-Envoy-Expected-Rq-Timeout-Ms"

    /// Reads the value of ``header``: 1 ms to 1 h. Any other text is ignored.
    public static func read(_ text: String) -> Duration? {
        guard text.utf8.count <= 7, let milliseconds = Int(text), (1...3_600_000).contains(milliseconds) else {
            return nil
        }
        return .milliseconds(milliseconds)
    }

    /// Runs `body` for a caller who waits this long; nil for one who has not said so. A later deadline than the current
    /// one has no effect.
    public static func within<Value: Sendable>(
        _ timeout: Duration?, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        guard let timeout else { return try await body() }
        return try await $current.withValue(earliest(timeout), operation: body)
    }

    /// The current deadline, or the end of `timeout` if that is earlier.
    static func earliest(_ timeout: Duration) -> ContinuousClock.Instant {
        let end = ContinuousClock.now + timeout
        return current.map { min($0, end) } ?? end
    }
}
