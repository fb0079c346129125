import Foundation
import Synchronization

/// A thread that runs jobs one after the other: the executor of an actor and of tasks that prefer its thread.
///
/// The thread starts with the first job, sleeps while it has none, and ends with ``stop()``. A later job starts a new
/// thread.
final class SerialThread: SerialExecutor, TaskExecutor {
    private struct State {
        var jobs = WaitQueue<UnownedJob>()
        var isRunning = false
        var isAsleep = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)
    private let name: String
    private let isYielding: Bool

    /// - Parameters:
    ///   - name: the name in debuggers; the system may show only 15 bytes of it.
    ///   - isYielding: whether the thread runs at a lower priority than others of the process.
    init(name: String, isYielding: Bool) {
        self.name = name
        self.isYielding = isYielding
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (mustStart, mustWake) = state.withLock { state -> (Bool, Bool) in
            state.jobs.append(job)
            defer {
                state.isRunning = true
                state.isAsleep = false
            }
            return (!state.isRunning, state.isAsleep)
        }
        if mustStart { start() } else if mustWake { bell.signal() }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Ends the thread once it has run all jobs.
    func stop() {
        let mustWake = state.withLock { state in
            state.isStopped = true
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustWake { bell.signal() }
    }

    private func start() {
        let thread = Thread { [self] in
            if isYielding { yieldToOthers() }
            while let job = next() {
                job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
        }
        thread.name = name
        thread.start()
    }

    private func next() -> UnownedJob? {
        while true {
            let (job, isOver) = state.withLock { state -> (UnownedJob?, Bool) in
                if let job = state.jobs.popFirst() { return (job, false) }
                guard !state.isStopped else {
                    state.isRunning = false
                    return (nil, true)
                }
                state.isAsleep = true
                return (nil, false)
            }
            if let job { return job }
            guard !isOver else { return nil }
            bell.wait()
        }
    }
}

/// Lowers the calling thread's priority, on systems with per-thread priorities.
private func yieldToOthers() {
    #if os(Linux)
        // PRIO_PROCESS, whose type differs between C libraries; on Linux 0 is the calling thread.
        _ = setpriority(0, 0, 10)
    #endif
}
