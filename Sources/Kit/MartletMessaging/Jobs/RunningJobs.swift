import MartletCore
import Synchronization

/// Why a run is ended from outside.
enum StopReason: Sendable {
    case timeout, cancelled
}

/// The jobs that run in this process for a service.
final class RunningJobs: Sendable {
    final class Entry: Sendable {
        let run: JobRun
        let deadline: ContinuousClock.Instant
        private let stop = Signal()
        private let reason = Mutex<StopReason?>(nil)

        init(_ run: JobRun, deadline: ContinuousClock.Instant) {
            self.run = run
            self.deadline = deadline
        }

        func stop(_ reason: StopReason) {
            let isFirst = self.reason.withLock { known in
                defer { known = known ?? reason }
                return known == nil
            }
            if isFirst { stop.set() }
        }

        /// Waits until the run is to stop.
        /// - Returns: nil when the waiting task was cancelled.
        func stopped() async -> StopReason? {
            await stop.wait()
            return reason.withLock { $0 }
        }
    }

    private let entries = Mutex<[Int64: Entry]>([:])

    func add(_ run: JobRun, timeout: Duration) -> Entry {
        let entry = Entry(run, deadline: .now + timeout)
        entries.withLock { $0[run.job.id] = entry }
        return entry
    }

    func remove(_ entry: Entry) {
        entries.withLock { entries in
            if entries[entry.run.job.id] === entry { entries[entry.run.job.id] = nil }
        }
    }

    func cancel(_ ids: [Int64]) {
        for entry in entries.withLock({ entries in ids.compactMap { entries[$0] } }) {
            entry.run.cancel()
            entry.stop(.cancelled)
        }
    }

    /// Once a second, ends runs whose time is up and stores the progress of the others, until the task is cancelled.
    func watch(storingProgressIn jobs: JobStore) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let now = ContinuousClock.now
            for entry in entries.withLock({ Array($0.values) }) {
                if entry.deadline <= now { entry.stop(.timeout) }
                guard let progress = entry.run.takeProgress() else { continue }
                // The next report makes up for a lost one.
                try? await jobs.store(progress, of: entry.run.job)
            }
        }
    }
}
