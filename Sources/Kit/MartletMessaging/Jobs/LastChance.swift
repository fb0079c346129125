import Logging
import MartletCore
import MartletData
import Synchronization

/// Runs the jobs that have only one more chance, because the process has died twice while they ran: one at a time in the
/// process.
///
/// Nobody knows which of the jobs that ran has killed a process. Those that are innocent must not be dead after the third
/// time, and so must not run beside the one that is not.
final class LastChance: Sendable {
    /// Whether a job has only one more chance: ``InstanceStore/maximumCrashes`` less one. A literal, as in the index.
    static let has: SQL = "crashes >= 2"
    static let isReady: SQL = "state = 'ready' AND \(has)"

    /// Whether any service of this process runs such a job.
    private static let isTaken = Atomic(false)

    private let attempts: JobAttempts
    private let jobs: JobStore
    private let kinds: [JobKind]
    private let signal: Signal
    private let logger: Logger
    private let isStopping = Atomic(false)

    init(_ kinds: [JobKind], _ attempts: JobAttempts, jobs: JobStore, signal: Signal, logger: Logger) {
        self.kinds = kinds
        self.attempts = attempts
        self.jobs = jobs
        self.signal = signal
        self.logger = logger
    }

    /// Claims no more jobs. ``run()`` returns when the running one has ended.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        signal.set()
    }

    func run() async {
        while !Task.isCancelled, !isStopping.load(ordering: .acquiring) {
            // Given with each heartbeat as long as there are such jobs.
            if await !runNext() { await signal.wait() }
        }
    }

    /// - Returns: whether a job has been run.
    private func runNext() async -> Bool {
        guard !kinds.isEmpty, !Self.isTaken.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        defer { Self.isTaken.store(false, ordering: .releasing) }
        do {
            _ = try await jobs.releaseForgotten(Self.has, running: [])
            guard let job = try await jobs.claimLastChance(kinds),
                let kind = kinds.first(where: { $0.name == job.kind })
            else { return false }
            await attempts.run(job, kind)
            return true
        } catch {
            logger.debug("cannot claim a job", metadata: ["error": "\(error)"])
            return false
        }
    }
}
