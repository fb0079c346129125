import MartletCore
import MartletSystem
import Synchronization

/// Interrupts a statement that runs too long or whose task is cancelled. SQLite calls ``check`` every ``steps`` steps.
final class StatementLimit: Sendable {
    /// The number of SQLite's steps between checks: about a millisecond for a statement with cheap steps.
    static let steps: CInt = 10_000

    private let deadline = Atomic<Int64>(.max)
    /// The CPU time that the statement may use, in milliseconds.
    private let share = Atomic<Int64>(.max)
    /// The thread's CPU time at the first check; -1 before it. A short statement is never checked.
    private let used = Atomic<Int64>(-1)
    private let closing: ClosingTime

    init(closing: ClosingTime) { self.closing = closing }

    /// Starts the clock.
    /// - Parameter share: the CPU time that the statement may use, in milliseconds; nil for no limit.
    func start(_ limit: Duration, share: Int64? = nil) {
        deadline.store(ClosingTime.now + limit.milliseconds, ordering: .relaxed)
        self.share.store(share ?? .max, ordering: .relaxed)
        used.store(-1, ordering: .relaxed)
    }

    /// Whether the statement has used up its CPU time. Call it on the statement's thread.
    var isShareUsed: Bool {
        let share = share.load(ordering: .relaxed)
        guard share < .max else { return false }
        let now = threadTime()
        let before = used.load(ordering: .relaxed)
        guard before >= 0 else {
            used.store(now, ordering: .relaxed)
            return false
        }
        return now - before > share
    }

    /// The pointer that SQLite passes to ``check``. It is valid for the lifetime of `self`.
    var unmanaged: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static let check: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { pointer in
        guard let pointer else { return 0 }
        let limit = Unmanaged<StatementLimit>.fromOpaque(pointer).takeUnretainedValue()
        let now = ClosingTime.now
        if limit.deadline.load(ordering: .relaxed) < now || limit.closing.hasPassed(now) { return 1 }
        if limit.isShareUsed { return 1 }
        return withUnsafeCurrentTask { $0?.isCancelled ?? false } ? 1 : 0
    }
}

/// When all statements of a database must end because the process is shutting down.
final class ClosingTime: Sendable {
    private static let epoch = ContinuousClock.now
    private let moment = Atomic<Int64>(.max)

    /// Moves the time to `delay` from now, unless it is already earlier.
    func set(in delay: Duration) {
        let new = Self.now + delay.milliseconds
        _ = moment.min(new, ordering: .relaxed)
    }

    func hasPassed(_ now: Int64) -> Bool { moment.load(ordering: .relaxed) < now }

    /// Milliseconds since the first use in this process.
    static var now: Int64 { epoch.duration(to: .now).milliseconds }
}

/// The CPU time of the calling thread, in milliseconds.
private func threadTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
