import CPostgres
import MartletCore
import Synchronization

/// One connection in libpq's pipeline mode.
///
/// Callers write statements under the lock; the reactor's thread reads the responses in order. Each statement ends with
/// its own sync point, so that an error affects that statement only.
final class PostgresConnection: Sendable {
    enum Sending {
        case sent
        /// Another caller has exclusive use of the connection.
        case leased
        case closed
    }

    private struct State {
        /// Nil once the connection is closed.
        var handle: OpaquePointer?
        var inFlight = WaitQueue<InFlight>()
        var statements = StatementCache<StatementKey, Statement>(limit: 256)
        var statementCount = 0
        var lease: UInt64?
        var patience: Duration
        /// When the server last responded, or received the first statement after being idle.
        var lastAnswer = ContinuousClock.now
        var wantsOutput = false
        /// The number of consecutive empty results. More than a few mean that libpq and this code are out of step.
        var emptyResults = 0
    }

    private struct StatementKey: Hashable {
        let text: StatementText
        let kinds: ParameterKinds
    }

    private final class Statement {
        let name: String
        /// Whether the server has prepared the statement. Until then, other callers must not rely on it.
        var isConfirmed = false

        init(name: String) { self.name = name }
    }

    /// The steps before a sync point that still await a response, in this order.
    private struct Steps: OptionSet {
        let rawValue: UInt8
        static let deallocate = Steps(rawValue: 1)
        static let begin = Steps(rawValue: 2)
        static let prepare = Steps(rawValue: 4)
        static let run = Steps(rawValue: 8)

        var first: Steps { Steps(rawValue: rawValue & (~rawValue &+ 1)) }
    }

    private struct InFlight {
        let exchange: PostgresExchange
        let key: StatementKey
        let statement: Statement?
        var steps: Steps
        var result: PostgresResult?
        var failure: PostgresFailure?
    }

    private typealias Completion = (PostgresExchange, Result<PostgresResult, any Error>)

    let id: UInt64
    private let state: Mutex<State>
    private let normalPatience: Duration
    /// The number of statements in flight. A hint only: it is read without the lock.
    private let load = Atomic<Int>(0)
    /// `State.lastAnswer` in milliseconds since `epoch`. Also a hint.
    private let lastAnswer = Atomic<Int64>(0)
    private static let epoch = ContinuousClock.now
    private let onClose: @Sendable (PostgresConnection) -> Void
    private let onIdle: @Sendable (PostgresConnection) -> Void
    private let onNotification: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - onIdle: called when the last statement in flight has its response.
    ///   - onNotification: called when notifications arrive, once for all that arrive together.
    init(
        _ handle: PostgresHandle, patience: Duration,
        onIdle: @escaping @Sendable (PostgresConnection) -> Void = { _ in },
        onNotification: (@Sendable () -> Void)? = nil,
        onClose: @escaping @Sendable (PostgresConnection) -> Void
    ) {
        normalPatience = patience
        self.onIdle = onIdle
        self.onNotification = onNotification
        self.onClose = onClose
        state = Mutex(State(handle: handle.pointer, patience: patience))
        id = Reactor.nextID()
        Reactor.shared.add(self, descriptor: PQsocket(handle.pointer))
    }

    var currentLoad: Int { load.load(ordering: .relaxed) }

    /// Whether a statement has kept the server busy for more than 10 ms, so that others should not wait behind it.
    var isSlow: Bool {
        Self.epoch.duration(to: .now).milliseconds - lastAnswer.load(ordering: .relaxed) > 10
    }

    // MARK: Leases

    /// Reserves the connection.
    /// - Parameter patience: how long the server may be silent during the lease. Default: the usual patience.
    /// - Returns: false when the connection is closed.
    func beginLease(_ lease: UInt64, patience: Duration?) -> Bool {
        state.withLock { state in
            guard state.handle != nil else { return false }
            state.lease = lease
            if let patience { state.patience = patience }
            return true
        }
    }

    func endLease() {
        state.withLock { state in
            state.lease = nil
            state.patience = normalPatience
        }
    }

    // MARK: Sending

    /// Sends a statement; its response completes the exchange. Does not block: the reactor sends what the socket does
    /// not accept at once.
    func send(_ exchange: PostgresExchange, lease: UInt64?) -> Sending {
        let (sending, failed) = state.withLock { state -> (Sending, [Completion]?) in
            guard let handle = state.handle else { return (.closed, nil) }
            guard state.lease == lease else { return (.leased, nil) }
            if state.inFlight.isEmpty { noteAnswer(&state) }
            guard let inFlight = write(exchange, to: handle, &state) else {
                // It is unknown how much the server has received.
                let completion: Completion = (exchange, .failure(lost(handle)))
                return (.sent, fail(&state, lost(handle)) + [completion])
            }
            state.inFlight.append(inFlight)
            load.add(1, ordering: .relaxed)
            flush(handle, &state)
            return (.sent, nil)
        }
        if let failed { finish(failed, isClosed: true) }
        if case .sent = sending { Reactor.shared.wake() }
        return sending
    }

    /// - Returns: nil when libpq fails, which makes the connection unusable.
    private func write(_ exchange: PostgresExchange, to handle: OpaquePointer, _ state: inout State) -> InFlight? {
        let sql = exchange.sql
        let key = StatementKey(text: StatementText(bytes: sql.text), kinds: ParameterKinds(sql.values))
        var steps: Steps = .run
        var known = state.statements.find(key)
        var isSent = true
        if known == nil {
            state.statementCount += 1
            let statement = Statement(name: "m\(state.statementCount)")
            if let evicted = state.statements.insert(statement, for: key) {
                steps.insert(.deallocate)
                isSent = PQsendQueryParams(handle, "DEALLOCATE \(evicted.name)", 0, nil, nil, nil, nil, 0) == 1
            }
            known = statement
            steps.insert(.prepare)
        }
        if let begin = exchange.begin {
            steps.insert(.begin)
            isSent = isSent && PQsendQueryParams(handle, begin.description, 0, nil, nil, nil, nil, 0) == 1
        }
        if steps.contains(.prepare), let known {
            let types = sql.values.map(\.typeID)
            isSent =
                isSent
                && withCString(sql.text) { PQsendPrepare(handle, known.name, $0, CInt(types.count), types) } == 1
        }
        guard isSent else { return nil }
        let code = withParameters(sql.values) { count, values, lengths, formats in
            if let known, known.isConfirmed || steps.contains(.prepare) {
                return PQsendQueryPrepared(handle, known.name, count, values, lengths, formats, 0)
            }
            // Another caller is preparing the statement. Do not depend on its success.
            let types = sql.values.map(\.typeID)
            return withCString(sql.text) { PQsendQueryParams(handle, $0, count, types, values, lengths, formats, 0) }
        }
        guard code == 1, PQpipelineSync(handle) == 1 else { return nil }
        return InFlight(
            exchange: exchange, key: key, statement: steps.contains(.prepare) ? known : nil, steps: steps)
    }

    private func flush(_ handle: OpaquePointer, _ state: inout State) {
        // The reactor reports an error when it reads.
        let wantsOutput = PQflush(handle) == 1
        guard wantsOutput != state.wantsOutput else { return }
        state.wantsOutput = wantsOutput
        Reactor.shared.watch(PQsocket(handle), of: self, forOutput: wantsOutput)
    }

    // MARK: Receiving

    /// Reads the server's responses. The reactor calls it when the socket is ready.
    func receive() {
        let (completions, isClosed, isIdle) = state.withLock { state -> ([Completion], Bool, Bool) in
            guard let handle = state.handle else { return ([], false, false) }
            let isAlive = PQconsumeInput(handle) == 1
            var completions: [Completion] = []
            while !state.inFlight.isEmpty, PQisBusy(handle) == 0, state.emptyResults < 8 {
                if let completion = take(PQgetResult(handle), &state) { completions.append(completion) }
            }
            guard isAlive, PQstatus(handle) == CONNECTION_OK, state.emptyResults < 8 else {
                return (completions + fail(&state, lost(handle)), true, false)
            }
            if state.wantsOutput { flush(handle, &state) }
            return (completions, false, !completions.isEmpty && state.inFlight.isEmpty)
        }
        finish(completions, isClosed: isClosed)
        if isIdle { onIdle(self) }
        if let onNotification, takeNotifications() { onNotification() }
    }

    /// - Returns: whether there were any.
    private func takeNotifications() -> Bool {
        state.withLock { state in
            guard let handle = state.handle else { return false }
            var hasAny = false
            while let notification = PQnotifies(handle) {
                PQfreemem(notification)
                hasAny = true
            }
            return hasAny
        }
    }

    /// - Parameter result: nil marks the end of a step.
    private func take(_ result: OpaquePointer?, _ state: inout State) -> Completion? {
        guard let result else {
            state.emptyResults += 1
            state.inFlight.update { head in
                if head.steps.first == .prepare, head.failure == nil { head.statement?.isConfirmed = true }
                head.steps.remove(head.steps.first)
            }
            return nil
        }
        state.emptyResults = 0
        switch PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            guard let head = state.inFlight.popFirst() else { return nil }
            noteAnswer(&state)
            load.subtract(1, ordering: .relaxed)
            let failure = head.failure
            // The statement is not prepared or no longer valid: the next use prepares it again.
            if let failure, head.statement?.isConfirmed == false || failure.remedy == .prepareAgain {
                state.statements.remove(head.key)
            }
            if let result = head.result, failure == nil { return (head.exchange, .success(result)) }
            return (
                head.exchange,
                .failure(failure ?? PostgresFailure(error: .other(code: "protocol", message: "no result")))
            )
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            let answer = PostgresResult(result)
            state.inFlight.update { head in if head.steps.first == .run { head.result = answer } }
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
        case PGRES_FATAL_ERROR:
            let failure = PostgresFailure(result: result)
            PQclear(result)
            state.inFlight.update { head in if head.failure == nil { head.failure = failure } }
        default:
            // Only COPY remains, which the connection cannot recover from.
            PQclear(result)
            state.emptyResults = 8
        }
        return nil
    }

    private func noteAnswer(_ state: inout State) {
        state.lastAnswer = .now
        lastAnswer.store(Self.epoch.duration(to: state.lastAnswer).milliseconds, ordering: .relaxed)
    }

    // MARK: Ending

    /// Closes the connection if the server has been silent for too long, and fails statements that have waited too long
    /// behind another one.
    func checkPatience(_ now: ContinuousClock.Instant) -> Bool {
        let (isWaiting, late, failed) = state.withLock { state -> (Bool, [PostgresExchange], [Completion]?) in
            guard state.handle != nil, !state.inFlight.isEmpty else { return (false, [], nil) }
            guard now - state.lastAnswer > state.patience else {
                let late = state.inFlight.rest.map(\.exchange).filter { $0.deadline.map { $0 < now } ?? false }
                return (true, late, nil)
            }
            let error = DatabaseError.unavailable("no answer from the server for \(state.patience)")
            return (true, [], fail(&state, PostgresFailure(error: error)))
        }
        // The server still runs these statements. Their responses are dropped.
        let timeout = DatabaseError.timeout("waited too long behind another statement on the connection")
        for exchange in late { exchange.complete(.failure(PostgresFailure(error: timeout))) }
        if let failed { finish(failed, isClosed: true) }
        return isWaiting
    }

    /// Closes the connection immediately. Statements in flight fail.
    func close() {
        finish(
            state.withLock { state in
                fail(&state, PostgresFailure(error: .unavailable("the connection was closed")))
            }, isClosed: true)
    }

    deinit {
        state.withLock { state in
            if let handle = state.handle { PQfinish(handle) }
        }
    }

    private func lost(_ handle: OpaquePointer) -> PostgresFailure {
        PostgresFailure(error: .unavailable(connectionMessage(handle)), remedy: .reconnect)
    }

    private func fail(_ state: inout State, _ failure: PostgresFailure) -> [Completion] {
        guard let handle = state.handle else { return [] }
        state.handle = nil
        Reactor.shared.remove(self, descriptor: PQsocket(handle))
        PQfinish(handle)
        var completions: [Completion] = []
        while let entry = state.inFlight.popFirst() {
            completions.append((entry.exchange, .failure(entry.failure ?? failure)))
        }
        load.store(0, ordering: .relaxed)
        return completions
    }

    /// Delivers results without holding the lock.
    private func finish(_ completions: [Completion], isClosed: Bool) {
        if isClosed { onClose(self) }
        for (exchange, result) in completions { exchange.complete(result) }
    }

    var isClosed: Bool { state.withLock { $0.handle == nil } }
}

/// Calls `body` with the text as a C string.
private func withCString<R>(_ text: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { buffer in
        for (index, byte) in text.enumerated() { buffer.initializeElement(at: index, to: CChar(bitPattern: byte)) }
        buffer.initializeElement(at: text.count, to: 0)
        guard let start = buffer.baseAddress else { return "".withCString(body) }
        return body(start)
    }
}
