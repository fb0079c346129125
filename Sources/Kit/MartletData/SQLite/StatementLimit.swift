import MartletSystem
import Synchronization

/// Ends a statement that runs too long or whose task has been cancelled. SQLite asks every so many steps.
final class StatementLimit: Sendable {
    /// After how many of SQLite's steps it asks: about a millisecond of a statement that computes little in each.
    static let steps: CInt = 10_000

    private let deadline = Atomic<Int64>(.max)
    /// How many milliseconds of the processor the statement may use.
    private let share = Atomic<Int64>(.max)
    /// What the thread had used when the statement was first asked about; -1 before. Short statements are never asked.
    private let used = Atomic<Int64>(-1)
    private let closing: ClosingTime

    init(closing: ClosingTime) { self.closing = closing }

    /// The clock starts now.
    /// - Parameter share: how much of the processor the statement may use, in milliseconds; `nil` for as much as it can.
    func start(_ limit: Duration, share: Int64? = nil) {
        deadline.store(ClosingTime.now + milliseconds(limit), ordering: .relaxed)
        self.share.store(share ?? .max, ordering: .relaxed)
        used.store(-1, ordering: .relaxed)
    }

    /// Whether the statement has used up its share, which was less than it may have altogether. To be asked on its thread.
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

    /// What SQLite passes to ``check``; valid for as long as `self` is.
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

/// When all statements of a database have to be over because the process wants to end.
final class ClosingTime: Sendable {
    private static let epoch = ContinuousClock.now
    private let moment = Atomic<Int64>(.max)

    /// The moment becomes earlier, never later.
    func set(in delay: Duration) {
        let new = Self.now + milliseconds(delay)
        _ = moment.min(new, ordering: .relaxed)
    }

    func hasPassed(_ now: Int64) -> Bool { moment.load(ordering: .relaxed) < now }

    /// Milliseconds since the process began to ask.
    static var now: Int64 { milliseconds(epoch.duration(to: .now)) }
}

/// How long the calling thread has used a processor, in milliseconds.
private func threadTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Whole milliseconds, rounded down.
func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds.multipliedReportingOverflow(by: 1000).partialValue + attoseconds / 1_000_000_000_000_000
}
