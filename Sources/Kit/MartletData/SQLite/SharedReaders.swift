import Synchronization

/// The connections on which quick reading statements run, one after the other on each.
///
/// Nobody reserves one: a statement joins the queue of the thread that has the least to do, and while there is anything in
/// it the thread does not sleep. That is cheaper than handing a connection from one user to the next.
final class SharedReaders: Sendable {
    private final class Reader: Sendable {
        let connection: SQLiteConnection
        /// Statements that run or wait.
        let load = Atomic(0)

        init(_ connection: SQLiteConnection) { self.connection = connection }
    }

    /// How many statements may be in a queue: what is over is refused at once.
    private static let maximumLoad = 1000

    private let readers: [Reader]
    private let patience: Duration
    private let isClosed = Atomic(false)

    /// - Parameter patience: how long a statement may wait for its turn.
    init(_ connections: [SQLiteConnection], patience: Duration) {
        readers = connections.map(Reader.init)
        self.patience = patience
    }

    /// Runs a statement that writes nothing.
    /// - Throws: ``DatabaseError/timeout(_:)`` when its turn has not come in time; what the statement throws.
    func run(_ sql: SQL, share: Int64) async throws -> SQLiteConnection.Reading {
        guard !isClosed.load(ordering: .relaxed), var reader = readers.first else { throw DatabaseError.closed }
        var least = reader.load.load(ordering: .relaxed)
        for other in readers.dropFirst() where least > 0 {
            let load = other.load.load(ordering: .relaxed)
            if load < least { (reader, least) = (other, load) }
        }
        defer { reader.load.subtract(1, ordering: .relaxed) }
        guard reader.load.add(1, ordering: .relaxed).newValue <= Self.maximumLoad else {
            throw DatabaseError.timeout("\(Self.maximumLoad) others are waiting for a connection already")
        }
        return try await reader.connection.runReading(sql, share: share, before: .now + patience)
    }

    /// Refuses new statements.
    func close() { isClosed.store(true, ordering: .relaxed) }

    /// Whether no statement runs or waits.
    var isDrained: Bool { readers.allSatisfy { $0.load.load(ordering: .relaxed) == 0 } }

    /// Closes the connections; a statement that is still waiting fails.
    func closeConnections() async { for reader in readers { await reader.connection.close() } }
}
