import Dispatch
import Foundation
import Logging
import Synchronization

/// The connections to one server: shared by single statements, lent to one transaction at a time.
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

        /// Whether it may be on a connection together with others.
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

    /// How many statements may be in flight on a connection before others look for another one.
    private static let maximumLoad = 32
    /// How many waiting statements a connection gets at a time.
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
        /// After a refused connection there is a pause before the next attempt.
        var mayGrow = ContinuousClock.now

        /// The connection with the fewest statements in flight that nobody has reserved.
        ///
        /// While there may be more connections, nil is better than a busy one: nobody knows how long the server will
        /// be busy with what is before. After that, a busy one serves those who may share it, as long as it is quick and
        /// its queue short.
        func choose(limit: Int, mayShare: Bool) -> Int? {
            var best: (index: Int, load: Int)?
            for (index, slot) in slots.enumerated() where !slot.isLent {
                let load = slot.connection.currentLoad
                if load == 0 { return index }
                guard mayShare, load < PostgresPool.maximumLoad, load < best?.load ?? .max, !slot.connection.isSlow
                else { continue }
                best = (index, load)
            }
            guard let best, slots.count >= limit || ContinuousClock.now < mayGrow else { return nil }
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

    /// Sends a statement on the least busy connection, or as soon as there is one.
    func submit(_ exchange: PostgresExchange) {
        while true {
            let connection = state.withLock { state -> PostgresConnection? in
                guard !state.isClosed else {
                    exchange.complete(.failure(PostgresFailure(error: .closed)))
                    return nil
                }
                // Who waits already comes first, or writing statements would wait for ever.
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

    /// Reserves a connection; it comes back through ``release(_:)``, or by being closed.
    /// - Parameters:
    ///   - silence: how long the server may be silent during the lease, if not as long as usual.
    ///   - limit: how long to wait for the connection, if not as long as usual.
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

    /// Gives a connection back to the pool. It must be outside of any transaction.
    func release(_ connection: PostgresConnection) {
        connection.endLease()
        handOver(connection)
    }

    /// Gives a connection without work that nobody has reserved to those who wait: to one of them, or to several that may
    /// share it.
    private func handOver(_ connection: PostgresConnection) {
        while true {
            guard !connection.isClosed else { return remove(connection) }
            let (statements, lease, isUnwanted) = state.withLock { state in
                var statements: [PostgresExchange] = []
                var lease: Promise<PostgresConnection>?
                // The connections that are about to come take their share, so that nobody is behind others in vain.
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
                // Until the statements are sent it must not be lent to anybody else.
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
                // Those who still wait get it when it has answered, which may have happened already.
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

    /// Gives a connection to those who wait, unless somebody else has taken it meanwhile.
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
        // While the server is away one attempt at a time is enough, and a full one is given a pause.
        if !(state.isServerAway && state.opening > 0), state.mayGrow <= .now { open(&state) }
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
        // A thread of its own, because it blocks: libpq looks up host names synchronously.
        Thread.detachNewThread { [weak self, parameters] in
            let result = Result { try parameters.connect() }
            if let self {
                opened(result, start)
            } else if case .success(let handle) = result {
                PostgresConnection(handle, patience: .zero, onIdle: { _ in }, onClose: { _ in }).close()
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
                // Lent until it has been handed over.
                state.slots.append(Slot(connection: connection, isLent: true))
                defer { state.isServerAway = false }
                return state.isServerAway
            }
            if wasAway { logger.info("PostgreSQL is back") }
            handOver(connection)
        case .failure(let error):
            let error = error as? DatabaseError ?? .unavailable("\(error)")
            let (waiters, spare, isNews) = state.withLock { state -> ([Waiter], PostgresConnection?, Bool) in
                state.opening -= 1
                guard state.slots.isEmpty else {
                    // The server has no room for more. Those who wait have to do with what there is.
                    state.mayGrow = .now + .seconds(1)
                    let index = state.waiters.isEmpty ? nil : state.choose(limit: 0, mayShare: false)
                    if let index { state.slots[index].isLent = true }
                    return ([], index.map { state.slots[$0].connection }, false)
                }
                // Who came during this attempt may hope for the others that are still under way.
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

    /// Forgets a connection that is closed.
    private func remove(_ connection: PostgresConnection) {
        state.withLock { state in
            state.slots.removeAll { $0.connection === connection }
            if !state.waiters.isEmpty { open(&state) }
        }
    }

    /// Closes the connections that still have work after this time.
    func endStatements(within time: Duration) {
        DispatchQueue.timers.asyncAfter(time) { [weak self] in
            let busy = self?.state.withLock { state in
                state.slots.filter { $0.isLent || $0.connection.currentLoad > 0 }.map(\.connection)
            }
            for connection in busy ?? [] { connection.close() }
        }
    }

    /// Refuses new work, waits up to five seconds for what is running, and closes all connections.
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
