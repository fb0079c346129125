public import Logging
import MartletCore
public import MartletData
import MartletTelemetry
import Synchronization

/// One attempt of a job.
public final class JobRun: Sendable {
    /// The job as it was claimed.
    public let job: JobRow
    private let baseLogger: Logger
    private let trace: TraceContext
    private let kind: JobKind
    private let jobs: JobStore
    private let state = Mutex(State())

    struct State: Sendable {
        var progress: Progress?
        var isFinished = false
    }

    struct Progress: Sendable, Equatable {
        var done: Int64
        var total: Int64?
    }

    init(_ job: JobRow, _ kind: JobKind, jobs: JobStore, trace: TraceContext, logger: Logger) {
        self.job = job
        self.kind = kind
        self.jobs = jobs
        self.trace = trace
        baseLogger = logger
    }

    /// A logger that adds the job, the request id of the cause and the trace id to every line. Computed on demand, because
    /// most jobs log nothing.
    public var logger: Logger {
        var logger = baseLogger
        logger[metadataKey: "job"] = "\(job.id)"
        logger[metadataKey: "kind"] = "\(job.kind)"
        if let id = job.requestId { logger[metadataKey: "request_id"] = "\(id)" }
        logger[metadataKey: "trace_id"] = "\(trace.traceIDText)"
        return logger
    }

    /// The number of this attempt, from 1.
    public var attempt: Int { job.attempt }

    /// Reports how much is done. Cheap: it is stored now and then.
    /// - Parameter total: the whole, in the same unit, if it is known.
    public func progress(_ done: Int, of total: Int? = nil) {
        state.withLock { $0.progress = Progress(done: Int64(done), total: total.map(Int64.init)) }
    }

    /// Takes the progress that is not stored yet.
    func takeProgress() -> Progress? {
        state.withLock { state in
            defer { state.progress = nil }
            return state.progress
        }
    }

    /// Throws when somebody has cancelled the job, its time is up, or the process shuts down.
    /// - Throws: `CancellationError`.
    public func checkCancelled() throws { try Task.checkCancellation() }

    /// Where an earlier attempt got to: what ``save(_:on:)`` stored last. Nil in the beginning.
    /// - Throws: ``MessagingError/invalidPayload(type:reason:)``.
    public func cursor<Cursor: Decodable>(as type: Cursor.Type = Cursor.self) throws -> Cursor? {
        guard let text = job.cursor else { return nil }
        do {
            return try JSONValue(parsing: Array(text.utf8)).decode([Cursor].self).first
        } catch {
            throw MessagingError.invalidPayload(type: job.kind, reason: "its cursor: \(error)")
        }
    }

    /// Stores how far this attempt has got, in the transaction of what has been done until here, so that the next attempt
    /// continues there. What makes progress has not killed the process before: the crashes are counted anew.
    /// - Throws: ``MessagingError/leaseLost``, which must roll the transaction back; ``DatabaseError``.
    public func save(_ cursor: some Encodable & Sendable, on connection: any Connection) async throws {
        let text = String(decoding: try JSONWriter.bytes(of: [cursor]), as: UTF8.self)
        try await jobs.save(cursor: text, of: job, on: connection)
    }

    /// Ends the job in a transaction with its effects: both are committed, or neither. The handler returns afterwards.
    /// - Throws: ``MessagingError/leaseLost`` when another process has the job, in which case nothing is committed; the
    ///   errors of `body`; ``DatabaseError``.
    public func finish<Value: Sendable>(
        _ body: @Sendable (any Connection) async throws -> Value
    ) async throws -> Value {
        let value = try await jobs.finish(job, isCoalesced: kind.isCoalesced) { try await body($0) }
        state.withLock { $0.isFinished = true }
        return value
    }

    var isFinished: Bool { state.withLock { $0.isFinished } }
}

/// Throw it to run the job again after a while, without counting the attempt.
public struct RunLater: Error {
    public let delay: Duration
    public init(after delay: Duration) { self.delay = delay }
}

/// Throw it when trying again is useless: the job is dead at once.
public struct GiveUp: Error, CustomStringConvertible {
    public let description: String
    public init(_ reason: String) { description = reason }
}
