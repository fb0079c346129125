package import MartletCore

/// The time by which leases, due jobs and schedules are judged: PostgreSQL's own clock, so that processes with wrong clocks
/// agree; on SQLite, whose processes are on one machine, this process's clock.
package struct DatabaseTime: Sendable {
    private let dialect: Dialect
    /// The clock of a test, on both databases.
    private let clock: WallClock?

    package init(_ dialect: Dialect, testClock clock: WallClock? = nil) {
        self.dialect = dialect
        self.clock = clock
    }

    /// The current time, as an expression. On PostgreSQL it is the start of the statement.
    package var now: SQL { after(.zero) }

    /// A time from now on, or before now if negative, as an expression.
    package func after(_ duration: Duration) -> SQL {
        // About 31 years, so that sums with times cannot overflow.
        let bounded = min(max(duration, .seconds(-1_000_000_000)), .seconds(1_000_000_000))
        guard dialect == .postgres, clock == nil else {
            let now = (clock ?? .system).now.microseconds
            return "\(Timestamp(microseconds: now &+ bounded.microseconds))"
        }
        guard duration != .zero else { return "statement_timestamp()" }
        let seconds = Double(bounded.microseconds) / 1_000_000
        return "(statement_timestamp() + make_interval(secs => \(seconds)))"
    }

    /// The current time as a value, for computing with it.
    package func read(from database: some Queryable) async throws -> Timestamp {
        guard dialect == .postgres, clock == nil else { return (clock ?? .system).now }
        return try await database.one(Now.self, "SELECT statement_timestamp() AS now").now
    }

    private struct Now: Decodable {
        let now: Timestamp
    }
}
