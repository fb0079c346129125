import Foundation
import MartletCore
import Synchronization

/// Hashes passwords, a few at a time, on dedicated threads: not on event loops, which must not block, nor on the
/// cooperative pool, which has one thread per core, nor on a dispatch queue, which on Linux shares that pool.
///
/// The queue is bounded and fair to all sources (``HashingQueue``). Beyond its limit the response is an immediate 503,
/// so that a flood of sign-ins cannot exhaust memory, starve others or keep the server busy after clients have given
/// up.
final class HashingThreads: Sendable {
    private struct Job: Sendable {
        let run: @Sendable () -> Void
        let refuse: @Sendable () -> Void
    }

    private struct State {
        var running = 0
        var waiting: HashingQueue<Job>
    }

    private let width: Int
    private let state: Mutex<State>

    /// - Parameter maximumWaiting: the maximum number of waiting jobs, for known and for unknown sources each.
    init(width: Int = 2, maximumWaiting: Int = 32) {
        self.width = width
        state = Mutex(State(waiting: HashingQueue(capacity: maximumWaiting)))
    }

    /// - Throws: ``Problem`` 503 when too many are waiting.
    func run<Value: Sendable>(
        for source: LoginSource, _ work: @escaping @Sendable () -> Value
    ) async throws(Problem) -> Value {
        let value: Value? = await withCheckedContinuation { continuation in
            admit(
                Job(run: { continuation.resume(returning: work()) }, refuse: { continuation.resume(returning: nil) }),
                from: source)
        }
        guard let value else { throw .unavailable("Too many passwords are being checked.") }
        return value
    }

    private func admit(_ job: Job, from source: LoginSource) {
        let (isStarted, refused): (Bool, Job?) = state.withLock { state in
            guard state.running >= width else {
                state.running += 1
                return (true, nil)
            }
            return (false, state.waiting.add(job, from: source))
        }
        if isStarted { start(job) }
        refused?.refuse()
    }

    /// Starts a thread that runs until the queue is empty. Creating it is cheap compared to a hash.
    private func start(_ job: Job) {
        Thread.detachNewThread { [self] in
            job.run()
            while let job = next() { job.run() }
        }
    }

    private func next() -> Job? {
        state.withLock { state in
            if let job = state.waiting.next() { return job }
            state.running -= 1
            return nil
        }
    }
}
