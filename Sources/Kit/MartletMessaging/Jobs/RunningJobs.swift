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
        var isCancelRequested = false
        var isStopped = false
    }

    let run: JobRun
    let kind: JobKind
    let started = ContinuousClock.now
    private let state = Mutex(State())

    init(_ run: JobRun, _ kind: JobKind) {
        self.run = run
        self.kind = kind
    }

    /// Runs the handler in the current task, which ``stopIfDue(at:)`` cancels.
    /// - Returns: whether it ended by itself; false when it was stopped.
    func perform(_ body: () async -> Void) async -> Bool {
        withUnsafeCurrentTask { task in state.withLock { $0.task = task.map(CancellableTask.init) } }
        await body()
        return state.withLock { state in
            state.task = nil
            return !state.isStopped
        }
    }

    /// Somebody has asked for the job's end.
    func requestCancel() { state.withLock { $0.isCancelRequested = true } }

    /// Cancels the task if its time is up or somebody has asked for it.
    /// - Returns: why; nil when the run goes on, has ended or was stopped before.
    func stopIfDue(at now: ContinuousClock.Instant) -> StopReason? {
        state.withLock { state in
            guard let task = state.task, !state.isStopped else { return nil }
            let isLate = now >= started + kind.timeout
            guard state.isCancelRequested || isLate else { return nil }
            state.isStopped = true
            task.cancel()
            return state.isCancelRequested ? .cancelled : .timeout
        }
    }
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
