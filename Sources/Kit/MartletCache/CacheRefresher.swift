public import ServiceLifecycle
import Synchronization

/// Computes new values in place of stale ones, in the background. One refresher serves all caches of a process.
///
/// While it does not run, the caller that gets a stale value first computes the new one itself.
public final class CacheRefresher: Service {
    typealias Work = @Sendable () async -> Void

    enum Admission {
        case accepted
        /// Too much is under way.
        case full
        case notRunning
    }

    private struct State {
        var isRunning = false
        /// The number of refreshes that wait or run.
        var pending = 0
        var queue: [Work] = []
        var waiter: CheckedContinuation<Work?, Never>?
    }

    private let maximum: Int
    private let state = Mutex(State())

    /// - Parameter maximum: the maximum number of refreshes at a time. Further ones are left to later callers.
    public init(maximum: Int = 32) { self.maximum = maximum }

    /// Runs until shutdown.
    public func run() async {
        await cancelWhenGracefulShutdown { await self.work() }
    }

    /// Runs until the task is cancelled. What is under way is cancelled too.
    func work() async {
        await withDiscardingTaskGroup { group in
            state.withLock { $0.isRunning = true }
            while let work = await next() {
                group.addTask {
                    await work()
                    self.state.withLock { $0.pending -= 1 }
                }
            }
        }
    }

    /// The number of refreshes that wait or run.
    var pending: Int { state.withLock { $0.pending } }

    /// - Parameter work: must end its flight, also when it is cancelled.
    func submit(_ work: @escaping Work) -> Admission {
        let (admission, waiter) = state.withLock { state -> (Admission, CheckedContinuation<Work?, Never>?) in
            guard state.isRunning else { return (.notRunning, nil) }
            guard state.pending < maximum else { return (.full, nil) }
            state.pending += 1
            guard let waiter = state.waiter else {
                state.queue.append(work)
                return (.accepted, nil)
            }
            state.waiter = nil
            return (.accepted, waiter)
        }
        waiter?.resume(returning: work)
        return admission
    }

    /// - Returns: nil when the task is cancelled and nothing is left.
    private func next() async -> Work? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (work, waits) = state.withLock { state -> (Work?, Bool) in
                    if !state.queue.isEmpty { return (state.queue.removeFirst(), false) }
                    if Task.isCancelled {
                        state.isRunning = false
                        return (nil, false)
                    }
                    state.waiter = continuation
                    return (nil, true)
                }
                if !waits { continuation.resume(returning: work) }
            }
        } onCancel: {
            state.withLock { state in
                state.isRunning = false
                defer { state.waiter = nil }
                return state.waiter
            }?.resume(returning: nil)
        }
    }
}
