import Synchronization

/// Ends a statement that runs too long or whose task has been cancelled. SQLite asks every so many steps.
final class StatementLimit: Sendable {
    private static let epoch = ContinuousClock.now
    private let deadline = Atomic<Int64>(.max)

    /// The clock starts now.
    func start(_ limit: Duration) { deadline.store(Self.now + milliseconds(limit), ordering: .relaxed) }

    /// What SQLite passes to ``check``; valid for as long as `self` is.
    var unmanaged: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static let check: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { pointer in
        guard let pointer else { return 0 }
        let limit = Unmanaged<StatementLimit>.fromOpaque(pointer).takeUnretainedValue()
        if limit.deadline.load(ordering: .relaxed) < now { return 1 }
        return withUnsafeCurrentTask { $0?.isCancelled ?? false } ? 1 : 0
    }

    private static var now: Int64 { milliseconds(epoch.duration(to: .now)) }
}

/// Whole milliseconds, rounded down.
func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds.multipliedReportingOverflow(by: 1000).partialValue + attoseconds / 1_000_000_000_000_000
}
