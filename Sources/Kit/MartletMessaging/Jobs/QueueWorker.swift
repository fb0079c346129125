import Logging
import MartletCore
import MartletData
import MartletTelemetry
import ServiceLifecycle
import Synchronization

/// Runs the jobs of one queue: as many at once as the queue allows, each as soon as it is claimed.
final class QueueWorker: Sendable {
    private let queue: String
    private let concurrency: Int
    private let attempts: JobAttempts
    private let jobs: JobStore
    /// The kinds without a rate limit, which are claimed together, and the others.
    private let kinds: [JobKind]
    private let limited: [JobKind]
    private let signal: Signal
    private let logger: Logger
    private let state = Mutex(State())
    private let freed = Signal()

    private struct State {
        var running = 0
        var isStopping = false
    }

    init(
        _ queue: String, _ kinds: [JobKind], concurrency: Int, _ attempts: JobAttempts, jobs: JobStore,
        signal: Signal, logger: Logger
    ) {
        self.queue = queue
        self.concurrency = max(1, concurrency)
        self.attempts = attempts
        self.jobs = jobs
        self.kinds = kinds.filter { $0.rate == nil }
        limited = kinds.filter { $0.rate != nil }
        self.signal = signal
        self.logger = logger
    }

    /// Claims no more jobs. ``run()`` returns when the running ones have ended.
    func stop() {
        state.withLock { $0.isStopping = true }
        signal.set()
        freed.set()
    }

    func run() async {
        var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(5))
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let (running, isStopping) = state.withLock { ($0.running, $0.isStopping) }
                guard !isStopping else { break }
                let free = concurrency - running
                guard free > 0 else {
                    await freed.wait()
                    continue
                }
                do {
                    let (claimed, wait) = try await claim(free)
                    backoff.reset()
                    state.withLock { $0.running += claimed.count }
                    for (job, kind) in claimed {
                        group.addTask {
                            await self.attempts.run(job, kind)
                            self.state.withLock { $0.running -= 1 }
                            self.freed.set()
                        }
                    }
                    // Fewer than there was room for: there are no more, until a signal says so.
                    if claimed.count < free {
                        if let wait { await signal.wait(atMost: wait) } else { await signal.wait() }
                    }
                } catch {
                    guard !Task.isCancelled else { break }
                    logger.debug("cannot claim jobs", metadata: ["queue": "\(queue)", "error": "\(error)"])
                    await signal.wait(atMost: backoff.next())
                }
            }
        }
    }

    private func claim(_ count: Int) async throws -> (jobs: [(JobRow, JobKind)], wait: Duration?) {
        var rows = try await jobs.claim(count, from: queue, kinds)
        var wait: Duration?
        for kind in limited {
            guard let limit = kind.rate, rows.count < count else { continue }
            let (more, next) = try await jobs.claim(count - rows.count, from: queue, kind, limit)
            rows += more
            if let next { wait = min(wait ?? next, next) }
        }
        let known = Dictionary((kinds + limited).map { ($0.name, $0) }) { first, _ in first }
        return (rows.compactMap { row in known[row.kind].map { (row, $0) } }, wait)
    }
}
