import MartletCore
import Synchronization

/// Why a run is ended from outside.
enum StopReason: Sendable {
    case timeout, cancelled
}

/// A job that runs in this process, and the task that runs it.
final class RunningJob: Sendable {
    private struct State {
        var task: CancellableTask?
        var reason: StopReason?
    }

    let run: JobRun
    let kind: JobKind
    private let deadline: ContinuousClock.Instant
    private let state = Mutex(State())

    init(_ run: JobRun, _ kind: JobKind) {
        self.run = run
        self.kind = kind
        deadline = .now + kind.timeout
    }

    /// Runs the handler in the current task, which ``stop(_:)`` cancels.
    /// - Returns: whether it ended by itself; false when it was stopped.
    func perform(_ body: () async -> Void) async -> Bool {
        withUnsafeCurrentTask { task in state.withLock { $0.task = task.map(CancellableTask.init) } }
        await body()
        return state.withLock { state in
            state.task = nil
            return state.reason == nil
        }
    }

    /// Cancels the task.
    /// - Returns: whether this is the first stop of a run that has not ended.
    func stop(_ reason: StopReason) -> Bool {
        state.withLock { state in
            guard let task = state.task, state.reason == nil else { return false }
            state.reason = reason
            task.cancel()
            return true
        }
    }

    func isLate(at now: ContinuousClock.Instant) -> Bool { deadline <= now }
}

/// A task that another one may cancel.
///
/// `@unchecked`: cancelling is allowed from any task, as long as the task lives. Its owner forgets it, under a lock, before it
/// ends.
private struct CancellableTask: @unchecked Sendable {
    private let task: UnsafeCurrentTask

    init(_ task: UnsafeCurrentTask) { self.task = task }

    func cancel() { task.cancel() }
}

/// The jobs that run in this process for a service.
final class RunningJobs: Sendable {
    private let jobs = Mutex<[Int64: RunningJob]>([:])

    func add(_ job: RunningJob) { jobs.withLock { $0[job.run.job.id] = job } }

    func remove(_ job: RunningJob) {
        jobs.withLock { jobs in
            if jobs[job.run.job.id] === job { jobs[job.run.job.id] = nil }
        }
    }

    var all: [RunningJob] { jobs.withLock { Array($0.values) } }

    subscript(ids: [Int64]) -> [RunningJob] { jobs.withLock { jobs in ids.compactMap { jobs[$0] } } }
}
