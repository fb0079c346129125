import Synchronization

/// Ends jobs that have no effects to commit with: those that end while a commit is under way share the next one.
final class Finisher: Sendable {
    private static let batch = 64

    private struct Entry {
        let job: JobRow
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var waiting: [Entry] = []
        var isStopped = false
    }

    private let jobs: JobStore
    private let state = Mutex(State())
    private let signal = Signal()

    init(_ jobs: JobStore) { self.jobs = jobs }

    /// - Returns: whether the job has been ended; false when it is no longer this instance's.
    func finish(_ job: JobRow) async -> Bool {
        await withCheckedContinuation { continuation in
            let isStopped = state.withLock { state in
                if !state.isStopped { state.waiting.append(Entry(job: job, continuation: continuation)) }
                return state.isStopped
            }
            if isStopped { continuation.resume(returning: false) } else { signal.set() }
        }
    }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let entries = state.withLock { state in
                let taken = Array(state.waiting.prefix(Self.batch))
                state.waiting.removeFirst(taken.count)
                return taken
            }
            guard !entries.isEmpty else {
                await signal.wait()
                // Jobs that are about to end share the commit.
                await Task.yield()
                continue
            }
            let ended = await retryingTransientErrors { try await self.jobs.finish(entries.map(\.job)) } ?? []
            for entry in entries { entry.continuation.resume(returning: ended.contains(entry.job.id)) }
        }
        let left = state.withLock { state in
            state.isStopped = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for entry in left { entry.continuation.resume(returning: false) }
    }
}
