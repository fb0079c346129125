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
    private let byName: [String: JobKind]
    private let signal: Signal
    private let logger: Logger
    private let state = Mutex(State())
    private let freed = Signal()

    private struct State {
        var running = 0
        /// The jobs that run here, with the number of their attempts: an attempt that ignores its cancellation may go on
        /// beside the next one.
        var ids: [Int64: Int] = [:]
        var isStopping = false
        var checksClaims = false

        mutating func began(_ id: Int64) {
            running += 1
            ids[id, default: 0] += 1
        }

        mutating func ended(_ id: Int64) {
            running -= 1
            ids[id] = ids[id].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
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
        byName = Dictionary(kinds.map { ($0.name, $0) }) { first, _ in first }
        self.signal = signal
        self.logger = logger
    }

    /// Claims no more jobs. ``run()`` returns when the running ones have ended.
    func stop() {
        state.withLock { $0.isStopping = true }
        signal.set()
        freed.set()
    }

    /// Compares soon what the database believes to run here with what does.
    func checkClaims() {
        state.withLock { $0.checksClaims = true }
        signal.set()
        freed.set()
    }

    func run() async {
        var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(5))
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let (running, isStopping, checksClaims) = state.withLock {
                    ($0.running, $0.isStopping, $0.checksClaims)
                }
                guard !isStopping else { break }
                let free = concurrency - running
                guard free > 0 || checksClaims else {
                    await freed.wait()
                    continue
                }
                do {
                    // Between two claims, when no answer is on its way.
                    if checksClaims { try await releaseForgotten() }
                    guard free > 0 else { continue }
                    let (claimed, wait) = try await claim(free)
                    backoff.reset()
                    for (job, kind) in claimed {
                        state.withLock { $0.began(job.id) }
                        group.addTask {
                            await self.attempts.run(job, kind)
                            self.state.withLock { $0.ended(job.id) }
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

    private func releaseForgotten() async throws {
        let running = state.withLock { state in
            state.checksClaims = false
            return Array(state.ids.keys)
        }
        let count = try await jobs.releaseForgotten("queue = \(queue) AND NOT \(LastChance.has)", running: running)
        guard count > 0 else { return }
        logger.warning(
            "jobs run again: the answer to their claim was lost", metadata: ["queue": "\(queue)", "count": "\(count)"])
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
        return (rows.compactMap { row in byName[row.kind].map { (row, $0) } }, wait)
    }
}
