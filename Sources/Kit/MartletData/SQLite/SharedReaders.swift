import Synchronization

/// The connections for quick reading statements.
///
/// Connections are not reserved: a statement joins the queue of the least busy thread, which does not sleep while its
/// queue has work. This is cheaper than passing a connection from one user to the next.
final class SharedReaders: Sendable {
    private final class Reader: Sendable {
        let connection: SQLiteConnection
        /// The number of statements that run or wait.
        let load = Atomic(0)

        init(_ connection: SQLiteConnection) { self.connection = connection }
    }

    /// The maximum number of statements in a queue. Further ones fail immediately.
    private static let maximumLoad = 1000

    private let readers: [Reader]
    private let patience: Duration
    private let isClosed = Atomic(false)

    /// - Parameter patience: the longest time a statement waits for its turn.
    init(_ connections: [SQLiteConnection], patience: Duration) {
        readers = connections.map(Reader.init)
        self.patience = patience
    }

    /// Runs a statement that writes nothing.
    /// - Throws: ``DatabaseError/timeout(_:)`` when the statement does not start in time; the errors of the statement.
    func run(_ sql: SQL, share: Int64) async throws -> SQLiteConnection.Reading {
        guard !isClosed.load(ordering: .relaxed), var reader = readers.first else { throw DatabaseError.closed }
        var least = reader.load.load(ordering: .relaxed)
        for other in readers.dropFirst() where least > 0 {
            let load = other.load.load(ordering: .relaxed)
            if load < least { (reader, least) = (other, load) }
        }
        defer { reader.load.subtract(1, ordering: .relaxed) }
        guard reader.load.add(1, ordering: .relaxed).newValue <= Self.maximumLoad else {
            throw DatabaseError.timeout("\(Self.maximumLoad) statements are already waiting for a connection")
        }
        return try await reader.connection.runReading(sql, share: share, before: .now + patience)
    }

    /// Rejects new statements.
    func close() { isClosed.store(true, ordering: .relaxed) }

    /// Whether no statement runs or waits.
    var isDrained: Bool { readers.allSatisfy { $0.load.load(ordering: .relaxed) == 0 } }

    /// Closes the connections. Waiting statements fail.
    func closeConnections() async { for reader in readers { await reader.connection.close() } }
}
