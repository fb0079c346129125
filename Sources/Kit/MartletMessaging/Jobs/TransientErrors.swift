import MartletCore
import MartletData

/// Repeats a transaction while the database is away, so that the outcome of a job is not lost.
/// - Returns: nil when it fails for another reason, or the task is cancelled.
func retryingTransientErrors<Value: Sendable>(_ body: @Sendable () async throws -> Value) async -> Value? {
    var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(5))
    while true {
        do {
            return try await body()
        } catch let error as DatabaseError where error.isTransient {
            guard (try? await Task.sleep(for: backoff.next())) != nil else { return nil }
        } catch {
            return nil
        }
    }
}

extension DatabaseError {
    /// Whether the database is away, which no job is to blame for.
    var isAway: Bool {
        switch self {
        case .unavailable: true
        // The server shuts down or starts.
        case .other(let code, _): code.hasPrefix("57P")
        default: false
        }
    }

    /// Whether the same transaction may succeed later: the database is away, busy, or has chosen it as the victim of a
    /// deadlock.
    var isTransient: Bool {
        switch self {
        case .unavailable, .timeout: true
        // Class 40: serialization failures and deadlocks. 57P: the server shuts down or starts.
        case .other(let code, _): code.hasPrefix("40") || code.hasPrefix("57P") || code.hasPrefix("SQLITE_BUSY")
        default: false
        }
    }
}
