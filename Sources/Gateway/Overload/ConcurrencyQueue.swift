import NIOCore

/// The running and waiting requests of a limit, in order of arrival. Performs no I/O.
///
/// The limit is passed on each entry, as a reload may change it; ``leave()`` uses the last one.
struct ConcurrencyQueue<Waiter> {
    enum Entry: Equatable {
        case entered
        /// Waiting, with the number for ``cancel(_:)``.
        case waiting(UInt64)
        case full
    }

    private var limit = 0
    private var waiters = CircularBuffer<(number: UInt64, waiter: Waiter)>()
    private var nextNumber: UInt64 = 0
    private(set) var running = 0

    var waiting: Int { waiters.count }

    /// - Returns: whether there was room. Overtakes no waiting request, since freed slots are handed on, except right
    ///   after the limit was raised.
    mutating func enter(limit: Int) -> Bool {
        self.limit = limit
        guard running < limit else { return false }
        running += 1
        return true
    }

    mutating func enter(orWait waiter: Waiter, limit: Int, maximumWaiting: Int) -> Entry {
        guard !enter(limit: limit) else { return .entered }
        guard waiters.count < maximumWaiting else { return .full }
        nextNumber &+= 1
        waiters.append((nextNumber, waiter))
        return .waiting(nextNumber)
    }

    /// A running request has ended.
    /// - Returns: the requests that run next: none while too many run, and several after the limit was raised.
    mutating func leave() -> [Waiter] {
        running -= 1
        var next: [Waiter] = []
        while running < limit, let first = waiters.popFirst() {
            running += 1
            next.append(first.waiter)
        }
        return next
    }

    /// A request no longer waits.
    /// - Returns: false when it is running already and must ``leave()``.
    mutating func cancel(_ number: UInt64) -> Bool {
        // Requests that give up have usually waited longest.
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return false }
        waiters.remove(at: index)
        return true
    }
}
