import Synchronization

/// The counts of all rate limits, each in a table of its own, by the limits' names. A limit keeps its counts when the
/// configuration is read again, also when its numbers are others; those of limits that are gone are forgotten.
final class RateLimitTables: Sendable {
    /// How many clients all limits tell apart together, and each of them at the least and at the most.
    private static let total = 400_000
    private static let bounds = 2_000...100_000

    private let tables = Mutex<[String: RateLimiter]>([:])

    func table(_ name: String) -> RateLimiter {
        tables.withLock { tables in
            if let known = tables[name] { return known }
            let table = RateLimiter()
            tables[name] = table
            return table
        }
    }

    /// Forgets the limits that a configuration does not have, and divides the memory among the others.
    func keep(_ names: Set<String>) {
        tables.withLock { tables in
            tables = tables.filter { names.contains($0.key) }
            let share = Self.total / max(1, tables.count)
            for table in tables.values {
                table.setCapacity(min(max(share, Self.bounds.lowerBound), Self.bounds.upperBound))
            }
        }
    }

    /// How many limits there are.
    var count: Int { tables.withLock { $0.count } }

    /// How many clients are remembered.
    var clients: Int { tables.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}
