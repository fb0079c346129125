import Dispatch
import Foundation
import Logging
import Synchronization

/// The connections to one server. Single statements share them; a transaction has one to itself.
final class PostgresPool: Sendable {
    struct Lent: Sendable {
        let connection: PostgresConnection
        let lease: UInt64
    }

    private enum Waiter {
        case statement(PostgresExchange)
        case lease(Promise<PostgresConnection>)

        var isAbandoned: Bool {
            switch self {
            case .statement(let exchange): exchange.isAbandoned
            case .lease(let promise): promise.isAbandoned
            }
        }

        /// Whether the waiter may share a connection.
        var mayShare: Bool {
            switch self {
            case .statement(let exchange): exchange.mayWaitBehindOthers
            case .lease: false
            }
        }

        func fail(_ error: DatabaseError) {
            switch self {
            case .statement(let exchange): exchange.complete(.failure(PostgresFailure(error: error)))
            case .lease(let promise): promise.fulfil(.failure(PostgresFailure(error: error)))
            }
        }
    }

    /// The maximum number of statements in flight on a connection.
    private static let maximumLoad = 32
    /// The maximum number of waiting statements handed to a connection at once.
    private static let maximumShare = 16

    private struct Slot {
        let connection: PostgresConnection
        var isLent: Bool
    }

    private struct State {
        var slots: [Slot] = []
        var opening = 0
        var waiters = WaitQueue<(waiter: Waiter, deadline: ContinuousClock.Instant)>()
        var isWatching = false
        var isClosed = false
        var isServerAway = false
        var leases: UInt64 = 0
        /// When the next connection may be opened, after the server rejected one.
        var mayOpenAfter = ContinuousClock.now

        /// Returns the unreserved connection with the fewest statements in flight.
        ///
        /// Below the limit, returns nil rather than a busy connection, so that a new one is opened: the statements in
        /// flight may take any time. At the limit, returns a busy connection to callers that may share it, unless it is
        /// slow or its queue is long.
        func choose(limit: Int, mayShare: Bool) -> Int? {
            var best: (index: Int, load: Int)?
            for (index, slot) in slots.enumerated() where !slot.isLent {
                let load = slot.connection.currentLoad
                if load == 0 { return index }
                guard mayShare, load < PostgresPool.maximumLoad, load < best?.load ?? .max, !slot.connection.isSlow
                else { continue }
                best = (index, load)
            }
            guard let best, slots.count >= limit || ContinuousClock.now < mayOpenAfter else { return nil }
            return best.index
        }

        mutating func mark(_ connection: PostgresConnection, isLent: Bool) {
            for index in slots.indices where slots[index].connection === connection { slots[index].isLent = isLent }
        }
    }

    private let state = Mutex(State())
    private let parameters: PostgresParameters
    private let limit: Int
    private let patience: Duration
    private let logger: Logger

    init(_ parameters: PostgresParameters, options: Database.Options, logger: Logger) {
        self.parameters = parameters
        limit = max(1, options.poolSize)
        patience = options.leaseTimeout
        self.logger = logger
    }

    // MARK: Single statements

    /// Sends a statement on the least busy connection, now or as soon as one is available.
    func submit(_ exchange: PostgresExchange) {
        while true {
            let connection = state.withLock { state -> PostgresConnection? in
                guard !state.isClosed else {
                    exchange.complete(.failure(PostgresFailure(error: .closed)))
                    return nil
                }
                // Statements that already wait come first; otherwise writing statements could starve.
                let mayShare = exchange.mayWaitBehindOthers && state.waiters.isEmpty
                guard let index = state.choose(limit: limit, mayShare: mayShare) else {
                    wait(.statement(exchange), until: exchange.deadline, &state)
                    return nil
                }
                return state.slots[index].connection
            }
            guard let connection else { return }
            switch connection.send(exchange, lease: nil) {
            case .sent: return
            case .closed: remove(connection)
            case .leased: continue
            }
        }
    }

    // MARK: Leases

    /// Reserves a connection until ``release(_:)`` is called or the connection is closed.
    /// - Parameters:
    ///   - silence: how long the server may be silent during the lease. Default: the usual patience.
    ///   - limit: how long to wait for the connection. Default: the lease timeout.
    func lease(silence: Duration? = nil, patience limit: Duration? = nil) async throws -> Lent {
        let deadline = ContinuousClock.now + (limit ?? patience)
        while true {
            try Task.checkCancellation()
            let promise = Promise<PostgresConnection>()
            try state.withLock { state in
                guard !state.isClosed else { throw PostgresFailure(error: .closed) }
                if let index = state.choose(limit: self.limit, mayShare: false) {
                    state.slots[index].isLent = true
                    promise.fulfil(.success(state.slots[index].connection))
                } else {
                    wait(.lease(promise), until: deadline, &state)
                }
            }
            let connection = try await promise.value()
            let lease = state.withLock { state in
                state.leases += 1
                return state.leases
            }
            if connection.beginLease(lease, patience: silence) { return Lent(connection: connection, lease: lease) }
            remove(connection)
        }
    }

    /// Returns a connection to the pool. It must not be in a transaction.
    func release(_ connection: PostgresConnection) {
        connection.endLease()
        handOver(connection)
    }

    /// Gives an idle, unreserved connection to the next waiter, or to several waiters that may share it.
    private func handOver(_ connection: PostgresConnection) {
        while true {
            guard !connection.isClosed else { return remove(connection) }
            let (statements, lease, isUnwanted) = state.withLock { state in
                var statements: [PostgresExchange] = []
                var lease: Promise<PostgresConnection>?
                // Leave a share to the connections being opened, so that statements do not queue needlessly.
                let share = min(Self.maximumShare, (state.waiters.count + state.opening) / (state.opening + 1))
                while lease == nil, statements.count < share, let next = state.waiters.first?.waiter {
                    if !statements.isEmpty, !next.mayShare { break }
                    _ = state.waiters.popFirst()
                    guard !next.isAbandoned else { continue }
                    switch next {
                    case .statement(let exchange): statements.append(exchange)
                    case .lease(let promise): lease = promise
                    }
                    if !next.mayShare { break }
                }
                // Keep the connection reserved until the statements are sent.
                state.mark(connection, isLent: lease != nil || !statements.isEmpty)
                return (statements, lease, state.isClosed && statements.isEmpty && lease == nil)
            }
            for exchange in statements {
                if case .sent = connection.send(exchange, lease: nil) { continue }
                submit(exchange)
            }
            if let lease {
                if lease.fulfil(.success(connection)) { return }
            } else if statements.isEmpty {
                if isUnwanted, connection.currentLoad == 0 { connection.close() }
                return
            } else {
                // The remaining waiters get the connection once it is idle, which it may be already.
                let isBusy = state.withLock { state in
                    guard connection.currentLoad > 0 else { return false }
                    state.mark(connection, isLent: false)
                    return true
                }
                if isBusy { return }
            }
        }
    }

    // MARK: Waiting

    /// Gives an idle connection to the waiters, unless it is already in use again.
    private func becameIdle(_ connection: PostgresConnection) {
        let isTaken = state.withLock { state in
            guard !state.waiters.isEmpty,
                let index = state.slots.firstIndex(where: { $0.connection === connection && !$0.isLent }),
                connection.currentLoad == 0
            else { return false }
            state.slots[index].isLent = true
            return true
        }
        if isTaken { handOver(connection) }
    }

    private func wait(_ waiter: Waiter, until deadline: ContinuousClock.Instant?, _ state: inout State) {
        state.waiters.append((waiter, deadline ?? .now + patience))
        // Make one attempt at a time while the server is unavailable, and none while it is full.
        if !(state.isServerAway && state.opening > 0), state.mayOpenAfter <= .now { open(&state) }
        guard !state.isWatching else { return }
        state.isWatching = true
        watch(after: patience)
    }

    private func watch(after delay: Duration) {
        DispatchQueue.timers.asyncAfter(delay) { [weak self] in self?.expire() }
    }

    private func expire() {
        let now = ContinuousClock.now
        let (expired, next) = state.withLock { state -> ([Waiter], Duration?) in
            var expired: [Waiter] = []
            while let first = state.waiters.first, first.deadline <= now || first.waiter.isAbandoned {
                _ = state.waiters.popFirst()
                expired.append(first.waiter)
            }
            state.isWatching = !state.waiters.isEmpty
            return (expired, state.waiters.first.map { $0.deadline - now })
        }
        for waiter in expired { waiter.fail(.timeout("no connection became free within \(patience)")) }
        if let next { watch(after: next) }
    }

    // MARK: Opening and closing

    private func open(_ state: inout State) {
        guard !state.isClosed, state.slots.count + state.opening < limit else { return }
        state.opening += 1
        let start = ContinuousClock.now
        // A separate thread, because connecting blocks: libpq resolves host names synchronously.
        Thread.detachNewThread { [weak self, parameters] in
            let result = Result { try parameters.connect() }
            if let self {
                opened(result, start)
            } else if case .success(let handle) = result {
                PostgresConnection(handle, patience: .zero, onClose: { _ in }).close()
            }
        }
    }

    private func opened(_ result: Result<PostgresHandle, any Error>, _ start: ContinuousClock.Instant) {
        switch result {
        case .success(let handle):
            let connection = PostgresConnection(
                handle, patience: parameters.patience, onIdle: { [weak self] in self?.becameIdle($0) },
                onClose: { [weak self] in self?.remove($0) })
            let wasAway = state.withLock { state in
                state.opening -= 1
                // Reserved until it is handed over.
                state.slots.append(Slot(connection: connection, isLent: true))
                defer { state.isServerAway = false }
                return state.isServerAway
            }
            if wasAway { logger.info("PostgreSQL is available again") }
            handOver(connection)
        case .failure(let error):
            let error = error as? DatabaseError ?? .unavailable("\(error)")
            let (waiters, spare, isNews) = state.withLock { state -> ([Waiter], PostgresConnection?, Bool) in
                state.opening -= 1
                guard state.slots.isEmpty else {
                    // The server accepts no more connections. Waiters use the existing ones.
                    state.mayOpenAfter = .now + .seconds(1)
                    let index = state.waiters.isEmpty ? nil : state.choose(limit: 0, mayShare: false)
                    if let index { state.slots[index].isLent = true }
                    return ([], index.map { state.slots[$0].connection }, false)
                }
                // Waiters that arrived during this attempt may be served by another one still in progress.
                var waiters: [Waiter] = []
                while let first = state.waiters.first, state.opening == 0 || first.deadline - patience <= start {
                    _ = state.waiters.popFirst()
                    waiters.append(first.waiter)
                }
                defer { state.isServerAway = true }
                return (waiters, nil, !state.isServerAway)
            }
            if let spare { handOver(spare) }
            if isNews { logger.warning("cannot connect to PostgreSQL", metadata: ["error": "\(error)"]) }
            for waiter in waiters { waiter.fail(error) }
        }
    }

    /// Removes a closed connection.
    private func remove(_ connection: PostgresConnection) {
        state.withLock { state in
            state.slots.removeAll { $0.connection === connection }
            if !state.waiters.isEmpty { open(&state) }
        }
    }

    /// Closes the connections that are still busy after this time.
    func endStatements(within time: Duration) {
        DispatchQueue.timers.asyncAfter(time) { [weak self] in
            let busy = self?.state.withLock { state in
                state.slots.filter { $0.isLent || $0.connection.currentLoad > 0 }.map(\.connection)
            }
            for connection in busy ?? [] { connection.close() }
        }
    }

    /// Rejects new work, waits up to five seconds for running statements, and closes all connections.
    func close() async {
        let waiters = state.withLock { state -> [Waiter] in
            state.isClosed = true
            var waiters: [Waiter] = []
            while let (waiter, _) = state.waiters.popFirst() { waiters.append(waiter) }
            return waiters
        }
        for waiter in waiters { waiter.fail(.closed) }
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            let (idle, busy) = state.withLock { state in
                let idle = state.slots.filter { !$0.isLent && $0.connection.currentLoad == 0 }.map(\.connection)
                return (idle, state.slots.count - idle.count + state.opening)
            }
            for connection in idle { connection.close() }
            guard busy > 0, ContinuousClock.now < deadline, !Task.isCancelled else { break }
            try? await Task.sleep(for: .milliseconds(5))
        }
        for slot in state.withLock({ $0.slots }) { slot.connection.close() }
    }

    deinit {
        for slot in state.withLock({ $0.slots }) { slot.connection.close() }
    }
}
