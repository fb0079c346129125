import Synchronization

/// Which statements have turned out to be slow a short while ago, so that they need not be tried as quick ones again.
///
/// Bounded: it forgets all when it is full, and what is forgotten is found out again by the next try.
final class SlowStatements: Sendable {
    private static let limit = 256
    private static let memory = Duration.seconds(60)

    private let known = Mutex<[StatementText: ContinuousClock.Instant]>([:])
    /// How many are known; read without the lock, as most of the time there are none.
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
