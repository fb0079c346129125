import NIOCore

/// Who is under way and who waits, in the order in which they came. Pure.
struct ConcurrencyQueue<Waiter> {
    enum Entry: Equatable {
        case entered
        /// With the number by which it can leave the queue.
        case waiting(UInt64)
        case full
    }

    private let limit: Int
    private let maximumWaiting: Int
    private var waiters = CircularBuffer<(number: UInt64, waiter: Waiter)>()
    private var nextNumber: UInt64 = 0
    private(set) var running = 0

    init(limit: Int, maximumWaiting: Int) {
        self.limit = limit
        self.maximumWaiting = maximumWaiting
    }

    var waiting: Int { waiters.count }

    /// - Returns: whether there was room. Nobody is passed by: there is none while somebody waits, as places are handed on.
    mutating func enter() -> Bool {
        guard running < limit else { return false }
        running += 1
        return true
    }

    mutating func enter(orWait waiter: Waiter) -> Entry {
        guard !enter() else { return .entered }
        guard waiters.count < maximumWaiting else { return .full }
        nextNumber &+= 1
        waiters.append((nextNumber, waiter))
        return .waiting(nextNumber)
    }

    /// One that was under way has ended.
    /// - Returns: who is under way in its place.
    mutating func leave() -> Waiter? {
        guard let next = waiters.popFirst() else {
            running -= 1
            return nil
        }
        return next.waiter
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
