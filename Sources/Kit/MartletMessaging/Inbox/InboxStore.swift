import MartletCore
import MartletData

/// What a service receives: each event becomes a job of the handler that the service declares for it.
///
/// A lane is the sequence of the events of one subject. Receiving an event of the subject and letting the next job run
/// both lock its row, so that a lane runs one job at a time, in order.
struct InboxStore: Sendable {
    /// How long a missing event is asked for before its lane goes on without it.
    static let patience = Duration.seconds(600)

    let database: Database
    let time: DatabaseTime
    /// The handlers, by the type of their event.
    let handlers: [String: JobKind]
    /// The sources whose subjects are lanes here: those with at least one ordered handler.
    let orderedSources: Set<String>

    /// What came of a batch.
    struct Received: Sendable, Equatable {
        /// The queues with new jobs that are ready.
        var queues: Set<String> = []
        var missing: Set<MissingEvents> = []
        /// The events that a lane no longer waits for.
        var lost: [MissingEvents] = []
        var duplicates = 0
        var count = 0
    }

    /// Stores a batch in one transaction, and drops what was received before.
    func store(_ events: [Envelope]) async throws -> Received {
        try await database.transaction { connection in
            let now = try await time.read(from: connection)
            var batch = Batch(now: now)
            try await put(events.filter(isInLane), in: &batch, on: connection)
            let others = events.filter { event in
                handlers[event.type].map { $0.isUnordered || !isInLane(event) } ?? false
            }
            try await put(others, unordered: &batch, on: connection)
            for rows in batch.jobs.batches(of: 200) { try await connection.execute("INSERT INTO jobs \(rows: rows)") }
            return batch.received
        }
    }

    private func isInLane(_ event: Envelope) -> Bool {
        guard let sequence = event.sequence, (1..<Int64.max).contains(sequence) else { return false }
        return orderedSources.contains(event.source)
    }

    private struct Batch {
        let now: Timestamp
        var jobs: [ColumnValues] = []
        var received = Received()

        mutating func add(_ event: Envelope, _ kind: JobKind, lane: String?, isReady: Bool) {
            received.count += 1
            if isReady { received.queues.insert(kind.queue) }
            jobs.append([
                "kind": kind.name, "version": event.version, "queue": kind.queue, "priority": kind.priority,
                "state": isReady ? "ready" : "blocked", "run_at": now, "data": event.data, "event_id": event.id,
                "subject": event.subject, "time": event.time, "trace": event.trace.sqlValue,
                "request_id": event.requestID.sqlValue, "lane": lane.sqlValue,
                "place": (lane == nil ? nil : event.sequence).sqlValue,
            ])
        }
    }

    // MARK: Lanes

    private struct Lane: Decodable {
        let lane: String
        var last: Int64?
        var lastTime: Timestamp
        var missingSince: Timestamp?
    }

    private func put(_ events: [Envelope], in batch: inout Batch, on connection: any Connection) async throws {
        guard !events.isEmpty else { return }
        let names = Set(events.map(Self.lane)).sorted()
        var lanes: [String: Lane] = [:]
        var occupied: Set<String> = []
        for names in names.batches(of: 200) {
            let new = names.map { name -> ColumnValues in
                ["lane": name, "last_time": Timestamp(microseconds: 0), "received_at": batch.now]
            }
            try await connection.execute("INSERT INTO lanes \(rows: new) ON CONFLICT (lane) DO NOTHING")
            let found = try await connection.all(
                Lane.self,
                """
                SELECT lane, last, last_time, missing_since FROM lanes WHERE lane IN \(list: names)
                ORDER BY lane\(connection.dialect.forUpdate)
                """)
            for lane in found { lanes[lane.lane] = lane }
            occupied.formUnion(
                try await connection.values(
                    String.self,
                    """
                    SELECT lane FROM lanes WHERE lane IN \(list: names)
                    AND EXISTS (SELECT 1 FROM jobs WHERE jobs.lane = lanes.lane)
                    """))
        }
        var changed: Set<String> = []
        for event in events {
            let name = Self.lane(event)
            // A lane that is being cleaned up at this moment: the batch comes again.
            guard var lane = lanes[name], let sequence = event.sequence else { throw LaneGone() }
            switch admit(event, sequence, to: &lane, &batch) {
            case .duplicate: batch.received.duplicates += 1
            case .missing: changed.insert(name)
            case .next:
                changed.insert(name)
                if let kind = handlers[event.type], !kind.isUnordered {
                    let isFirst = occupied.insert(name).inserted
                    batch.add(event, kind, lane: name, isReady: isFirst)
                }
            }
            lanes[name] = lane
        }
        for names in changed.sorted().batches(of: 200) {
            let rows = names.compactMap { lanes[$0] }.map { lane -> ColumnValues in
                [
                    "lane": lane.lane, "last": lane.last.sqlValue, "last_time": lane.lastTime,
                    "missing_since": lane.missingSince.sqlValue, "received_at": batch.now,
                ]
            }
            try await connection.execute(
                """
                INSERT INTO lanes \(rows: rows) ON CONFLICT (lane) DO UPDATE SET last = excluded.last,
                    last_time = excluded.last_time, missing_since = excluded.missing_since,
                    received_at = excluded.received_at
                """)
        }
    }

    private enum Admission {
        case next, duplicate, missing
    }

    private func admit(_ event: Envelope, _ sequence: Int64, to lane: inout Lane, _ batch: inout Batch) -> Admission {
        if let last = lane.last {
            // A lower number is a duplicate, unless it is later than all before it: then the publisher numbers anew, because
            // its database was restored from a backup.
            if sequence <= last, event.time <= lane.lastTime { return .duplicate }
            if sequence > last + 1 {
                let missing = MissingEvents(source: event.source, subject: event.subject, from: last + 1)
                let since = lane.missingSince ?? batch.now
                lane.missingSince = since
                guard batch.now.microseconds - since.microseconds > Self.patience.microseconds else {
                    batch.received.missing.insert(missing)
                    return .missing
                }
                batch.received.lost.append(missing)
            }
        }
        lane.last = sequence
        lane.lastTime = max(lane.lastTime, event.time)
        lane.missingSince = nil
        return .next
    }

    private static func lane(_ event: Envelope) -> String { "\(event.source) \(event.subject)" }

    /// What lanes have been missing since before this time.
    func missing() async throws -> [MissingEvents] {
        struct Missing: Decodable {
            let lane: String
            let last: Int64
        }
        let rows = try await database.all(
            Missing.self,
            "SELECT lane, last FROM lanes WHERE missing_since IS NOT NULL AND last IS NOT NULL LIMIT 1000")
        return rows.compactMap { row in
            guard let space = row.lane.firstIndex(of: " ") else { return nil }
            return MissingEvents(
                source: String(row.lane[..<space]), subject: String(row.lane[space...].dropFirst()), from: row.last + 1)
        }
    }

    // MARK: Unordered events

    private func put(_ events: [Envelope], unordered batch: inout Batch, on connection: any Connection) async throws {
        for events in events.batches(of: 200) {
            let rows = events.map { event -> ColumnValues in
                ["event_id": event.id, "source": event.source, "received_at": batch.now]
            }
            let new = try await connection.values(
                String.self,
                "INSERT INTO inbox \(rows: rows) ON CONFLICT (source, event_id) DO NOTHING RETURNING event_id")
            var fresh = Set(new)
            batch.received.duplicates += events.count - new.count
            for event in events {
                guard let kind = handlers[event.type], fresh.remove(event.id) != nil else { continue }
                batch.add(event, kind, lane: nil, isReady: true)
            }
        }
    }
}

/// The lane was deleted between two statements. The broker delivers the batch again.
private struct LaneGone: Error {}
