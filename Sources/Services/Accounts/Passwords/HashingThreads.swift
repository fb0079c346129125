import Foundation
import MartletCore
import Synchronization

/// Runs what takes long and a lot of memory, a few at a time, on threads of its own: not on event loops, which must not
/// wait, nor on the cooperative pool, which has one thread a processor, nor on a dispatch queue, whose threads on Linux
/// are out of that same pool.
///
/// Only so many wait. Beyond that the answer is 503 at once: a flood of sign-ins must not fill the memory, nor be
/// answered when nobody is waiting any more.
final class HashingThreads: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let width: Int
    private let maximumWaiting: Int
    private let state = Mutex(State())

    init(width: Int = 2, maximumWaiting: Int = 32) {
        self.width = width
        self.maximumWaiting = maximumWaiting
    }

    /// - Throws: ``Problem`` 503 when too many are waiting.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws(Problem) -> Value {
        let value: Value? = await withCheckedContinuation { continuation in
            let job: @Sendable () -> Void = { continuation.resume(returning: work()) }
            switch admit(job) {
            case .start: start(job)
            case .wait: break
            case .refuse: continuation.resume(returning: nil)
            }
        }
        guard let value else { throw .unavailable("Too many passwords are being checked.") }
        return value
    }

    private enum Admission { case start, wait, refuse }

    private func admit(_ job: @escaping @Sendable () -> Void) -> Admission {
        state.withLock { state in
            if state.running < width {
                state.running += 1
                return .start
            }
            guard state.waiting.count < maximumWaiting else { return .refuse }
            state.waiting.append(job)
            return .wait
        }
    }

    /// A thread works until nothing waits; making one costs nothing beside a hash.
    private func start(_ job: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [self] in
            job()
            while let job = next() { job() }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
