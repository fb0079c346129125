import Synchronization

/// Remembers for a minute which statements were slow, so that they are not tried on a quick reader again.
///
/// Bounded: when it is full, it is cleared, and slow statements are detected anew.
final class SlowStatements: Sendable {
    private static let limit = 256
    private static let memory = Duration.seconds(60)

    private let known = Mutex<[StatementText: ContinuousClock.Instant]>([:])
    /// The number of known statements, read without the lock: it is 0 most of the time.
    private let count = Atomic(0)

    func contains(_ sql: SQL) -> Bool {
        guard count.load(ordering: .relaxed) > 0 else { return false }
        return known.withLock { known in
            guard let since = known[StatementText(bytes: sql.text)] else { return false }
            return since + Self.memory > .now
        }
    }

    func insert(_ sql: SQL) {
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
            known[StatementText(bytes: sql.text)] = .now
            count.store(known.count, ordering: .relaxed)
        }
    }
}
