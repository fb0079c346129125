import NIOCore

/// Who is under way and who waits, in the order in which they came. Pure.
///
/// How many may be under way is said by whoever enters, as it changes with the configuration: who leaves goes by what was
/// said last.
struct ConcurrencyQueue<Waiter> {
    enum Entry: Equatable {
        case entered
        /// With the number by which it can leave the queue.
        case waiting(UInt64)
        case full
    }

    private var limit = 0
    private var waiters = CircularBuffer<(number: UInt64, waiter: Waiter)>()
    private var nextNumber: UInt64 = 0
    private(set) var running = 0

    var waiting: Int { waiters.count }

    /// - Returns: whether there was room. Nobody is passed by: there is none while somebody waits, as places are handed on,
    ///   but for the moment after the limit has been raised.
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

    /// One that was under way has ended.
    /// - Returns: who is under way in its place: nobody while there are more than there may be now, and several when there
    ///   may be more.
    mutating func leave() -> [Waiter] {
        running -= 1
        var next: [Waiter] = []
        while running < limit, let first = waiters.popFirst() {
            running += 1
            next.append(first.waiter)
        }
        return next
    }

    /// One does not wait any longer.
    /// - Returns: false when it is under way already, and has to ``leave()``.
    mutating func cancel(_ number: UInt64) -> Bool {
        // Those that give up have mostly waited longest.
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return false }
        waiters.remove(at: index)
        return true
    }
}
