import NIOCore

/// The pending commands in the order sent, which is the order of their replies. Pure and bounded.
struct RedisPipeline<Waiter> {
    struct Entry {
        let waiter: Waiter
        let deadline: NIODeadline
        let bytes: Int
    }

    private let maximumCommands: Int
    private let maximumBytes: Int
    private var entries = CircularBuffer<Entry>()
    private var bytes = 0

    init(maximumCommands: Int, maximumBytes: Int) {
        self.maximumCommands = maximumCommands
        self.maximumBytes = maximumBytes
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// - Returns: false when there is no room.
    mutating func append(_ waiter: Waiter, bytes: Int, deadline: NIODeadline) -> Bool {
        guard entries.count < maximumCommands, bytes <= maximumBytes - self.bytes else { return false }
        entries.append(Entry(waiter: waiter, deadline: deadline, bytes: bytes))
        self.bytes += bytes
        return true
    }

    /// Removes and returns the waiter of the next reply.
    mutating func next() -> Waiter? {
        guard let entry = entries.popFirst() else { return nil }
        bytes -= entry.bytes
        return entry.waiter
    }

    /// The earliest deadline. Deadlines need not be in order.
    var nextDeadline: NIODeadline? { entries.map(\.deadline).min() }

    /// Removes and returns all entries.
    mutating func removeAll() -> CircularBuffer<Entry> {
        let all = entries
        entries.removeAll()
        bytes = 0
        return all
    }
}
