import Foundation
import MartletCore
import Synchronization

/// Runs what takes long and a lot of memory, a few at a time, on threads of its own: not on event loops, which must not
/// wait, nor on the cooperative pool, which has one thread a processor, nor on a dispatch queue, whose threads on Linux
/// are out of that same pool.
///
/// Only so many wait, each source its fair share of them (``HashingQueue``). Beyond that the answer is 503 at once: a flood
/// of sign-ins must not fill the memory, keep others out, nor be answered when nobody is waiting any more.
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

    /// - Parameter maximumWaiting: how many may wait, known sources and strangers each.
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

    /// A thread works until nothing waits; making one costs nothing beside a hash.
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
