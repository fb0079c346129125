import Dispatch
import Synchronization

/// Lends up to `limit` connections, each to one user at a time, first come, first served.
///
/// Connections are opened when they are first needed, by the one who needs them.
final class ConnectionPool<Resource: Sendable>: Sendable {
    private struct Waiter {
        /// Gets a connection, or nil for the right to open one.
        let promise: Promise<Resource?>
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var idle: [Resource] = []
        /// Lent and idle ones, and those being opened.
        var count = 0
        var waiters = WaitQueue<Waiter>()
        var isWatching = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let patience: Duration
    private let queue: Int
    private let open: @Sendable () throws -> Resource

    /// - Parameters:
    ///   - patience: how long to wait for a connection before the wait ends in an error.
    ///   - queue: how many may wait at a time.
    init(
        limit: Int, patience: Duration, queue: Int = .max, open: @escaping @Sendable () throws -> Resource
    ) {
        self.queue = queue
        self.limit = max(1, limit)
        self.patience = patience
        self.open = open
    }

    private enum Decision {
        case take(Resource), open, wait(Promise<Resource?>, watch: Bool)
    }

    /// Waits for a connection; it has to be given back with ``release(_:)`` or ``discard()``.
    /// - Throws: ``DatabaseError/timeout(_:)``, `CancellationError`, or what opening a connection throws.
    func acquire() async throws -> Resource {
        try Task.checkCancellation()
        let decision = try state.withLock { state throws(DatabaseError) -> Decision in
            guard !state.isClosed else { throw .closed }
            if let resource = state.idle.popLast() { return .take(resource) }
            if state.count < limit {
                state.count += 1
                return .open
            }
            guard state.waiters.count < queue else {
                throw .timeout("\(queue) others are waiting for a connection already")
            }
            let promise = Promise<Resource?>()
            state.waiters.append(Waiter(promise: promise, deadline: .now + patience))
            defer { state.isWatching = true }
            return .wait(promise, watch: !state.isWatching)
        }
        switch decision {
        case .take(let resource): return resource
        case .open: return try openCounted()
        case .wait(let promise, let watch):
            if watch { self.watch(after: patience) }
            return try await promise.value() ?? openCounted()
        }
    }

    private func openCounted() throws -> Resource {
        do {
            return try open()
        } catch {
            discard()
            throw error
        }
    }

    /// - Returns: what is to be closed by the caller, because the pool itself has been closed.
    func release(_ resource: Resource) -> Resource? {
        state.withLock { state in
            guard !state.isClosed else {
                state.count -= 1
                return resource
            }
            while let waiter = state.waiters.popFirst() {
                if waiter.promise.fulfil(.success(resource)) { return nil }
            }
            state.idle.append(resource)
            return nil
        }
    }

    /// Says that a lent connection is no more.
    func discard() {
        state.withLock { state in
            while let waiter = state.waiters.popFirst() {
                if waiter.promise.fulfil(.success(nil)) { return }
            }
            state.count -= 1
        }
    }

    /// Ends all waiting. Lent connections come back through ``release(_:)``.
    /// - Returns: the idle connections, for the caller to close.
    func close() -> [Resource] {
        state.withLock { state in
            state.isClosed = true
            while let waiter = state.waiters.popFirst() { waiter.promise.fulfil(.failure(DatabaseError.closed)) }
            state.count -= state.idle.count
            defer { state.idle = [] }
            return state.idle
        }
    }

    /// Whether every connection has come back since ``close()``.
    var isDrained: Bool { state.withLock { $0.count == 0 } }

    /// One timer for all waiters: they have the same patience, so the first is always the next to lose it.
    private func watch(after delay: Duration) {
        DispatchQueue.timers.asyncAfter(delay) { [weak self] in self?.expire() }
    }

    private func expire() {
        let now = ContinuousClock.now
        let next = state.withLock { state -> Duration? in
            while let first = state.waiters.first, first.deadline <= now || first.promise.isAbandoned {
                _ = state.waiters.popFirst()
                first.promise.fulfil(.failure(DatabaseError.timeout("no connection became free within \(patience)")))
            }
            state.isWatching = state.waiters.first != nil
            return state.waiters.first.map { $0.deadline - now }
        }
        if let next { watch(after: next) }
    }
}

extension DispatchQueue {
    /// A queue of its own always gets a thread, however many of the global ones are blocked.
    static let timers = DispatchQueue(label: "martlet-data-timers")

    func asyncAfter(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        let (seconds, attoseconds) = delay.components
        // A millisecond more, so that what is due has passed.
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
        asyncAfter(deadline: .now() + .milliseconds(Int(clamping: milliseconds)), execute: body)
    }
}
