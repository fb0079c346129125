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

    /// Runs an attempt in the current task.
    func run(_ job: JobRow, _ kind: JobKind) async {
        let caller = job.trace.flatMap { TraceContext(traceparent: $0) }
        let trace = caller?.child() ?? .make()
        let isSampled = caller.map(\.isSampled) ?? spans?.samples(trace) ?? false
        let run = JobRun(job, kind, jobs: jobs, trace: trace, logger: logger)
        let running = RunningJob(run, kind)
        self.running.add(running)
        let cause = Cause(requestID: job.requestId, trace: trace.sampled(isSampled))
        await Cause.$current.withValue(cause) {
            var failure: (any Error)?
            let hasEnded = await running.perform {
                do { try await perform(run, kind) } catch { failure = error }
            }
            // This task is cancelled; ``stopped(_:_:)`` records the end.
            guard hasEnded else { return }
            let outcome = await settle(failure, run, kind)
            let duration = ContinuousClock.now - running.started
            metrics.count(job, outcome, took: duration)
            if let spans, isSampled { spans.record(span(job, kind, trace, of: caller, outcome, duration)) }
        }
        self.running.remove(running)
    }

    private func perform(_ run: JobRun, _ kind: JobKind) async throws {
        switch kind.body {
        case .job(let body): try await body(run)
        case .delivery(let body):
            try await run.finish { connection in
                try await body(Delivery(run), connection)
            }
        }
    }

    /// Once a second, stops attempts whose time is up or that were cancelled, and stores the progress of the others, until
    /// the task is cancelled.
    func watch() async {
        await withDiscardingTaskGroup { group in
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                let now = ContinuousClock.now
                for job in running.all {
                    // By itself: recording the end may wait for a handler that ignores its cancellation.
                    if let reason = job.stopIfDue(at: now) { group.addTask { await stopped(job, reason) } }
                    guard let progress = job.run.takeProgress() else { continue }
                    // The next report makes up for a lost one.
                    try? await jobs.store(progress, of: job.run.job)
                }
            }
        }
    }

    /// Lets ``watch()`` stop the attempts that somebody has asked to end.
    func cancel(_ ids: [Int64]) {
        for job in running[ids] { job.requestCancel() }
    }

    /// Records the end of a stopped attempt. A handler that ignores its cancellation keeps its place among the running ones,
    /// but not the job.
    private func stopped(_ job: RunningJob, _ reason: StopReason) async {
        let outcome =
            switch reason {
            case .cancelled: await cancel(job.run.job, job.kind)
            case .timeout: await fail(job.run.job, job.kind, TimedOut(timeout: job.kind.timeout), job.run.logger)
            }
        metrics.count(job.run.job, job.run.isFinished ? "completed" : outcome, took: .now - job.started)
    }

    // MARK: The outcome

    /// Records the end of an attempt, even if the database is away for a while.
    /// - Parameter failure: nil when the handler returned.
    /// - Returns: the outcome, for metrics.
    private func settle(_ failure: (any Error)?, _ run: JobRun, _ kind: JobKind) async -> String {
        let job = run.job
        if run.isFinished {
            // The next job of the lane is ready, or this one once more.
            if job.lane != nil || kind.isCoalesced { signals.jobsAreReady(in: CollectionOfOne(job.queue)) }
            return "completed"
        }
        switch failure {
        case nil: return await finish(job, kind)
        case MessagingError.leaseLost?:
            metrics.leasesLost.increment()
            return "lost"
        case let later as RunLater: return await release(job, after: later.delay)
        // Cancelled with the process, whose jobs are given back all at once.
        case is CancellationError where Task.isCancelled: return "released"
        case let error as DatabaseError where error.isAway:
            run.logger.info("job waits for the database", metadata: ["error": "\(error)"])
            return await release(job, after: .seconds(1))
        case let error?: return await fail(job, kind, error, run.logger)
        }
    }

    private func finish(_ job: JobRow, _ kind: JobKind) async -> String {
        for _ in 0..<3 {
            if await runsAgain(job, kind) { return "completed" }
            if await finisher.finish(job) { return "completed" }
            guard kind.isCoalesced else { break }
        }
        guard !Task.isCancelled else { return "released" }
        metrics.leasesLost.increment()
        return "lost"
    }

    /// - Returns: whether the job was asked for again while it ran, and is ready once more.
    private func runsAgain(_ job: JobRow, _ kind: JobKind) async -> Bool {
        guard kind.isCoalesced,
            await retryingTransientErrors({ try await jobs.runAgain(job, on: jobs.database) }) == true
        else {
            return false
        }
        signals.jobsAreReady(in: [job.queue])
        return true
    }

    private func cancel(_ job: JobRow, _ kind: JobKind) async -> String {
        if await runsAgain(job, kind) { return "cancelled" }
        let isOwn = await retryingTransientErrors {
            try await jobs.database.transaction { connection in
                guard try await jobs.finish(job, as: .cancelled, on: connection) else { return false }
                try await jobs.releaseNext(after: job, on: connection)
                return true
            }
        }
        return isOwn == true ? "cancelled" : "lost"
    }

    private func release(_ job: JobRow, after wait: Duration) async -> String {
        await retryingTransientErrors { try await jobs.release(job, runAfter: wait) }
        signals.jobsWereScheduled()
        return "released"
    }

    private func fail(_ job: JobRow, _ kind: JobKind, _ error: any Error, _ logger: Logger) async -> String {
        let isDead = error is GiveUp || job.attempt >= kind.attempts
        let backoff = Backoff(initial: firstRetry, maximum: Self.maximumRetry)
        var generator = SystemRandomNumberGenerator()
        let wait = isDead ? nil : backoff.jitteredWait(after: job.attempt, using: &generator)
        let failures = JobFailures(job.errors).adding(error, attempt: job.attempt, at: WallClock.system.now)
        // Somebody has asked for it again meanwhile, and was told that it will run.
        if isDead, await runsAgain(job, kind) { return "failed" }
        let isOwn = await retryingTransientErrors { try await jobs.fail(job, failures, retryAfter: wait) }
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
