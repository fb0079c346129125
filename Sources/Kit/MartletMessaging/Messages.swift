public import MartletCore
public import MartletData
import MartletTelemetry
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a service tells others and does later. Its stores call it within the transaction that makes it true.
public final class Messages: Sendable {
    /// The name of the service: the source of its events.
    public let service: String
    let time: DatabaseTime
    let signals = MessagingSignals()
    private let dialect: Dialect
    private let events: Set<String>
    private let kinds = Mutex<[String: JobKind]>([:])

    /// - Parameters:
    ///   - events: the events that the service publishes.
    ///   - jobs: jobs that can be enqueued before, or without, the service that runs them.
    ///   - testClock: replaces the database's clock, in tests.
    public init(
        of service: String, on database: Database, publishing events: [any Event.Type] = [], jobs: [JobKind] = [],
        testClock: WallClock? = nil
    ) {
        self.service = service
        self.events = Set(events.map { $0.type })
        dialect = database.dialect
        time = DatabaseTime(database.dialect, testClock: testClock)
        register(jobs)
    }

    /// Makes the service's jobs known. Until then none can be enqueued.
    func register(_ kinds: [JobKind]) {
        self.kinds.withLock { known in for kind in kinds { known[kind.name] = kind } }
    }

    /// Publishes an event, if and when the transaction is committed.
    ///
    /// Events of one subject are numbered under a lock that the transaction keeps until its end. A transaction that emits
    /// events of several subjects does so in the same order as others, or PostgreSQL may find a deadlock.
    /// - Throws: ``MessagingError``; ``DatabaseError``.
    public func emit<E: Event>(_ event: E, on connection: any Connection) async throws {
        let data = try payload(of: event)
        let insert: SQL =
            "INSERT INTO outbox (event_id, type, version, subject, sequence, time, data, trace, request_id)"
        let cause = Cause.current
        let id = UUID().uuidString.lowercased()
        func values(_ sequence: SQL) -> SQL {
            """
            \(id), \(E.type), \(E.version), \(event.subject), \(sequence), \(time.now), \(data), \(cause?.trace.header), \
            \(cause?.requestID)
            """
        }
        let number: SQL = "\(Self.numbering("(\(event.subject), 1)")) RETURNING number"
        switch dialect {
        case .postgres:
            try await connection.execute(
                "WITH next AS (\(number)) \(insert) SELECT \(values("number")) FROM next")
        case .sqlite:
            let next = try await connection.value(Int64.self, number) ?? 1
            try await connection.execute("\(insert) VALUES (\(values("\(next)")))")
        }
        connection.afterCommit { [signals] in signals.eventsEmitted() }
    }

    /// Publishes events of different subjects, with few statements for many.
    /// - Throws: ``MessagingError``, also for a subject that occurs twice; ``DatabaseError``.
    public func emit<E: Event>(all events: [E], on connection: any Connection) async throws {
        guard Set(events.map(\.subject)).count == events.count else {
            throw MessagingError.repeatedSubject(type: E.type)
        }
        let now = try await time.read(from: connection)
        let cause = Cause.current
        // Locks are taken in the order of subjects.
        for batch in events.sorted(by: { $0.subject < $1.subject }).batches(of: 100) {
            let payloads = try batch.map { try payload(of: $0) }
            let subjects = batch.map { "(\($0.subject), 1)" as SQL }.joined(separator: ", ")
            let numbers = try await connection.all(
                SubjectRow.self, "\(Self.numbering(subjects)) RETURNING subject, number")
            let bySubject = Dictionary(numbers.map { ($0.subject, $0.number) }) { first, _ in first }
            let rows = try zip(batch, payloads).map { event, data -> ColumnValues in
                guard let number = bySubject[event.subject] else { throw MessagingError.repeatedSubject(type: E.type) }
                return [
                    "event_id": UUID().uuidString.lowercased(), "type": E.type, "version": E.version,
                    "subject": event.subject, "sequence": number, "time": now, "data": data,
                    "trace": (cause?.trace.header).sqlValue, "request_id": (cause?.requestID).sqlValue,
                ]
            }
            try await connection.execute("INSERT INTO outbox \(rows: rows)")
        }
        if !events.isEmpty { connection.afterCommit { [signals] in signals.eventsEmitted() } }
    }

    private struct SubjectRow: Decodable {
        let subject: String
        let number: Int64
    }

    /// Gives the next numbers of subjects, and locks their rows.
    private static func numbering(_ subjects: SQL) -> SQL {
        """
        INSERT INTO subjects (subject, number) VALUES \(subjects)
        ON CONFLICT (subject) DO UPDATE SET number = subjects.number + 1
        """
    }

    private func payload<E: Event>(of event: E) throws -> String {
        guard events.contains(E.type) else { throw MessagingError.undeclaredEvent(type: E.type) }
        guard Payload.isSubject(event.subject) else { throw MessagingError.invalidSubject(type: E.type) }
        return try Payload.text(of: event, type: E.type)
    }

    /// Enqueues a job, if and when the transaction is committed.
    /// - Parameter runAt: the earliest time to run it. Default: as soon as possible.
    /// - Throws: ``MessagingError``; ``DatabaseError``.
    @discardableResult
    public func enqueue<J: Job>(
        _ job: J, at runAt: Timestamp? = nil, on connection: any Connection
    ) async throws -> Enqueued {
        guard let kind = kinds.withLock({ $0[J.kind] }) else { throw MessagingError.undeclaredJob(kind: J.kind) }
        let data = try Payload.text(of: job, type: J.kind)
        let key = kind.uniqueKey?(job)
        let cause = Cause.current
        let state: SQL =
            runAt.map { "CASE WHEN \($0) <= \(time.now) THEN 'ready' ELSE 'scheduled' END" as SQL } ?? "'ready'"
        let insert: SQL =
            """
            INSERT INTO jobs
                (kind, version, queue, priority, state, run_at, data, time, trace, request_id, unique_key)
            VALUES (\(kind.name), \(kind.version), \(kind.queue), \(kind.priority), \(state),
                \(runAt.map { "\($0)" as SQL } ?? time.now), \(data), \(time.now), \(cause?.trace.header),
                \(cause?.requestID), \(key))
            """
        guard let key else {
            let id = try await connection.one(JobID.self, "\(insert) RETURNING id").id
            signal(kind, isDue: runAt == nil, on: connection)
            return .inserted(id)
        }
        let unfinished: SQL = "kind = \(kind.name) AND unique_key = \(key) AND state <> 'dead'"
        // The job found in the way may finish before it is read.
        while true {
            let id = try await connection.first(
                JobID.self,
                """
                \(insert) ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL AND state <> 'dead'
                DO NOTHING RETURNING id
                """)
            if let id {
                signal(kind, isDue: runAt == nil, on: connection)
                return .inserted(id.id)
            }
            let found = try await connection.first(
                JobID.self,
                kind.isCoalesced
                    ? """
                    UPDATE jobs SET data = CASE WHEN state = 'running' THEN data ELSE \(data) END,
                        version = CASE WHEN state = 'running' THEN version ELSE \(kind.version) END,
                        again = CASE WHEN state = 'running' THEN \(data) END,
                        again_version = CASE WHEN state = 'running' THEN \(kind.version) END,
                        attempt = CASE WHEN state = 'running' THEN attempt ELSE 0 END,
                        trace = \(cause?.trace.header), request_id = \(cause?.requestID)
                    WHERE \(unfinished) RETURNING id
                    """ : "SELECT id FROM jobs WHERE \(unfinished)")
            if let found { return .duplicate(found.id) }
        }
    }

    private struct JobID: Decodable {
        let id: Int64
    }

    private func signal(_ kind: JobKind, isDue: Bool, on connection: any Connection) {
        connection.afterCommit { [signals] in
            if isDue { signals.jobsAreReady(in: [kind.queue]) } else { signals.jobsWereScheduled() }
        }
    }
}

/// What became of an enqueued job.
public enum Enqueued: Sendable, Equatable {
    /// The job has this id.
    case inserted(Int64)
    /// An unfinished job of the same key stands for it.
    case duplicate(Int64)
}
