import Logging
import MartletCore
import MartletData
import MartletTelemetry

/// Runs single attempts of jobs, and records how they end.
struct JobAttempts: Sendable {
    private static let maximumRetry = Duration.seconds(600)

    let service: String
    let jobs: JobStore
    let finisher: Finisher
    let running: RunningJobs
    let signals: MessagingSignals
    let metrics: JobMetrics
    let spans: SpanRecorder?
    let logger: Logger
    let firstRetry: Duration

    private enum Ending: Sendable {
        case returned
        case threw(any Error)
        case stopped(StopReason)
    }

    func run(_ job: JobRow, _ kind: JobKind) async {
        let started = ContinuousClock.now
        let caller = job.trace.flatMap { TraceContext(traceparent: $0) }
        let trace = caller?.child() ?? .make()
        let isSampled = caller.map(\.isSampled) ?? spans?.samples(trace) ?? false
        let logger = self.logger(for: job, trace)
        let run = JobRun(job, jobs: jobs, logger: logger)
        let entry = running.add(run, timeout: kind.timeout)
        let cause = Cause(requestID: job.requestId, trace: trace.sampled(isSampled))
        let outcome = await Cause.$current.withValue(cause) { await attempt(entry, kind) }
        running.remove(entry)
        let duration = ContinuousClock.now - started
        metrics.count(job, outcome, took: duration)
        if let spans, isSampled {
            spans.record(span(job, kind, trace, of: caller, outcome, duration))
        }
    }

    private func logger(for job: JobRow, _ trace: TraceContext) -> Logger {
        var logger = self.logger
        logger[metadataKey: "job"] = "\(job.id)"
        logger[metadataKey: "kind"] = "\(job.kind)"
        if let id = job.requestId { logger[metadataKey: "request_id"] = "\(id)" }
        logger[metadataKey: "trace_id"] = "\(trace.traceIDText)"
        return logger
    }

    /// - Returns: the outcome, for metrics.
    private func attempt(_ entry: RunningJobs.Entry, _ kind: JobKind) async -> String {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask {
                do {
                    try await perform(entry.run, kind)
                    return .returned
                } catch {
                    return .threw(error)
                }
            }
            group.addTask { await entry.stopped().map(Ending.stopped) ?? .threw(CancellationError()) }
            let first = await group.next() ?? .returned
            group.cancelAll()
            let outcome = await settle(first, entry.run, kind)
            // A handler that ignores its cancellation keeps its place, but not its job.
            await group.waitForAll()
            return entry.run.isFinished ? "completed" : outcome
        }
    }

    private func perform(_ run: JobRun, _ kind: JobKind) async throws {
        switch kind.body {
        case .job(let body): try await body(run)
        case .delivery(let body):
            try await run.finish { connection in
                try await body(Delivery(job: run.job, logger: run.logger), connection)
            }
        }
    }

    // MARK: The outcome

    /// Records the end of an attempt, even if the database is away for a while.
    private func settle(_ ending: Ending, _ run: JobRun, _ kind: JobKind) async -> String {
        let job = run.job
        if run.isFinished {
            // The next job of the lane is ready.
            if job.lane != nil { signals.jobsAreReady(in: [job.queue]) }
            return "completed"
        }
        switch ending {
        case .returned: return await finish(job, kind)
        case .stopped(.cancelled): return await cancel(job)
        case .stopped(.timeout):
            return await fail(job, kind, TimedOut(timeout: kind.timeout), run.logger)
        case .threw(let error): return await settle(error, run, kind)
        }
    }

    private func settle(_ error: any Error, _ run: JobRun, _ kind: JobKind) async -> String {
        let job = run.job
        switch error {
        case MessagingError.leaseLost:
            metrics.leasesLost.increment()
            return "lost"
        case let later as RunLater: return await release(job, after: later.delay)
        case is CancellationError:
            // Cancelled with the process: its jobs are given back all at once.
            return run.isCancelled ? await cancel(job) : "released"
        case let error as DatabaseError where error.isTransient:
            run.logger.info("job waits for the database", metadata: ["error": "\(error)"])
            return await release(job, after: .seconds(1))
        default: return await fail(job, kind, error, run.logger)
        }
    }

    private func finish(_ job: JobRow, _ kind: JobKind) async -> String {
        for _ in 0..<3 {
            if kind.isCoalesced, await untilDone({ try await jobs.runAgain(job) }) == true {
                signals.jobsAreReady(in: [job.queue])
                return "completed"
            }
            if await finisher.finish(job) { return "completed" }
            guard kind.isCoalesced else { break }
        }
        guard !Task.isCancelled else { return "released" }
        metrics.leasesLost.increment()
        return "lost"
    }

    private func cancel(_ job: JobRow) async -> String {
        let isOwn = await untilDone {
            try await jobs.database.transaction { connection in
                guard try await jobs.finish(job, as: .cancelled, on: connection) else { return false }
                try await jobs.releaseNext(after: job, on: connection)
                return true
            }
        }
        return isOwn == true ? "cancelled" : "lost"
    }

    private func release(_ job: JobRow, after wait: Duration) async -> String {
        await untilDone { try await jobs.release(job, runAfter: wait) }
        signals.jobsWereScheduled()
        return "released"
    }

    private func fail(_ job: JobRow, _ kind: JobKind, _ error: any Error, _ logger: Logger) async -> String {
        let isDead = error is GiveUp || job.attempt >= kind.attempts
        let backoff = Backoff(initial: firstRetry, maximum: Self.maximumRetry)
        var generator = SystemRandomNumberGenerator()
        let wait = isDead ? nil : backoff.jitteredWait(after: job.attempt, using: &generator)
        let failures = JobFailures(job.errors).adding(error, attempt: job.attempt, at: WallClock.system.now)
        let isOwn = await untilDone { try await jobs.fail(job, failures, retryAfter: wait) }
        guard isOwn == true else { return "lost" }
        let metadata: Logger.Metadata = ["attempt": "\(job.attempt)", "error": "\(String(reflecting: error))"]
        if isDead {
            logger.error("job is dead", metadata: metadata)
        } else {
            logger.warning("job failed and runs again later", metadata: metadata)
            signals.jobsWereScheduled()
        }
        return isDead ? "dead" : "failed"
    }

    /// The span of an attempt, a child of what caused the job (OpenTelemetry messaging conventions).
    private func span(
        _ job: JobRow, _ kind: JobKind, _ trace: TraceContext, of caller: TraceContext?, _ outcome: String,
        _ duration: Duration
    ) -> Span {
        Span(
            endingNow: duration, service: service, name: "process \(job.kind)", context: trace.sampled(true),
            parentID: caller?.spanID,
            attributes: [
                ("messaging.system", .string("martlet")), ("messaging.operation.name", .string("process")),
                ("messaging.destination.name", .string(job.queue)), ("messaging.message.id", .string("\(job.id)")),
                ("martlet.request_id", .string(job.requestId ?? "")), ("martlet.outcome", .string(outcome)),
            ], isError: outcome == "failed" || outcome == "dead")
    }
}

private struct TimedOut: Error, CustomStringConvertible {
    let timeout: Duration
    var description: String { "the attempt took longer than \(timeout)" }
}
