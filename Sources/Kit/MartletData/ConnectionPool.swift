import Dispatch
import Synchronization

/// Lends up to `limit` connections, each to one user at a time, in the order of requests.
///
/// Connections are opened on demand, by the caller of ``acquire()``.
final class ConnectionPool<Resource: Sendable>: Sendable {
    private struct Waiter {
        /// Receives a connection, or nil for the permission to open one.
        let promise: Promise<Resource?>
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var idle: [Resource] = []
        /// The number of connections: lent, idle and being opened.
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
    ///   - patience: the longest time to wait for a connection.
    ///   - queue: the maximum number of waiting callers.
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

    /// Waits for a connection. The caller must return it with ``release(_:)`` or ``discard()``.
    /// - Throws: ``DatabaseError/timeout(_:)``, `CancellationError`, or the error of opening a connection.
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
                throw .timeout("\(queue) statements are already waiting for a connection")
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

    /// - Returns: the connection if the pool is closed; the caller must then close it.
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

    /// Removes a lent connection that no longer exists.
    func discard() {
        state.withLock { state in
            while let waiter = state.waiters.popFirst() {
                if waiter.promise.fulfil(.success(nil)) { return }
            }
            state.count -= 1
        }
    }

    /// Fails all waiters. Lent connections are still returned with ``release(_:)``.
    /// - Returns: the idle connections, which the caller must close.
    func close() -> [Resource] {
        state.withLock { state in
            state.isClosed = true
            while let waiter = state.waiters.popFirst() { waiter.promise.fulfil(.failure(DatabaseError.closed)) }
            state.count -= state.idle.count
            defer { state.idle = [] }
            return state.idle
        }
    }

    /// Whether every connection has been returned since ``close()``.
    var isDrained: Bool { state.withLock { $0.count == 0 } }

    /// Starts one timer for all waiters: they have the same patience, so the first always times out first.
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
    /// A dedicated queue, which gets a thread even if the global queues are blocked.
    static let timers = DispatchQueue(label: "martlet-data-timers")

    func asyncAfter(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        let (seconds, attoseconds) = delay.components
        // Add a millisecond, so that the deadline has passed when the timer fires.
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
        asyncAfter(deadline: .now() + .milliseconds(Int(clamping: milliseconds)), execute: body)
    }
}
