import Synchronization

/// The counts of all rate limits, one table per limit, by the limits' names. A limit keeps its counts across reloads
/// even if its numbers change. Counts of removed limits are dropped.
final class RateLimitTables: Sendable {
    /// The most clients counted separately: by all limits together, and the bounds for each limit.
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

    /// Drops the tables of removed limits and divides the capacity among the others.
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

    /// The number of clients with a bucket of their own.
    var clients: Int { tables.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}
