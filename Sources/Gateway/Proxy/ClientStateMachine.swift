/// The state of a client connection: which message comes next, and whether the connection persists after it.
///
/// Performs no I/O: the handler reports events and carries out the returned actions. The upstream side is
/// ``UpstreamStateMachine``.
struct ClientStateMachine: ~Copyable {
    enum Request: Equatable { case receiving, complete }
    enum Response: Equatable { case waiting, streaming }

    private enum State: Equatable {
        case idle
        case readingHead
        case exchange(Request, Response)
        case lingering
        /// The connection was upgraded to another protocol.
        case tunnel
        case closed
    }

    /// What incoming bytes are.
    enum Reading: Equatable { case head, body, tunnel, nothing, discarded }
    /// What follows the end of a response.
    enum End: Equatable {
        case nextRequest
        case close
        /// Close after discarding what the client still sends: closing at once could reset the connection and destroy
        /// the response (RFC 9112 §9.6).
        case linger
        case none
    }
    enum Failure: Equatable {
        /// Send an error response.
        case answer
        /// The response has begun; only cutting it off shows that it is incomplete.
        case abort
        case ignore
    }

    private var state = State.idle
    private var persists = true
    private var isDraining = false

    var reading: Reading {
        switch state {
        case .idle, .readingHead: .head
        case .exchange(.receiving, _): .body
        case .exchange(.complete, _), .closed: .nothing
        case .lingering: .discarded
        case .tunnel: .tunnel
        }
    }

    var isTunnel: Bool { state == .tunnel }

    var isIdle: Bool { state == .idle }
    var isReadingHead: Bool { state == .readingHead }
    var isClosed: Bool { state == .closed }
    var isLingering: Bool { state == .lingering }

    var isWaitingForResponse: Bool {
        if case .exchange(_, .waiting) = state { true } else { false }
    }

    var isExchanging: Bool {
        if case .exchange = state { true } else { false }
    }

    var isRequestComplete: Bool {
        if case .exchange(.complete, _) = state { true } else { false }
    }

    /// - Returns: whether these are the first bytes of a request.
    mutating func bytesArrived() -> Bool {
        guard state == .idle else { return false }
        state = .readingHead
        return true
    }

    mutating func headCompleted(keepsAlive: Bool, hasBody: Bool) {
        guard state == .idle || state == .readingHead else { return }
        persists = keepsAlive
        state = .exchange(hasBody ? .receiving : .complete, .waiting)
    }

    /// The head is invalid, so the start of the next request is unknown.
    mutating func headFailed() {
        headCompleted(keepsAlive: false, hasBody: true)
    }

    mutating func requestBodyCompleted() {
        if case .exchange(.receiving, let response) = state { state = .exchange(.complete, response) }
    }

    /// A response begins.
    /// - Parameter delimited: whether its end is visible without closing the connection.
    /// - Returns: whether the connection persists. It does not while the request body is still arriving, since the
    ///   upstream may never read the rest.
    mutating func responseStarted(delimited: Bool = true) -> Bool {
        guard case .exchange(let request, .waiting) = state else { return false }
        if request != .complete || isDraining || !delimited { persists = false }
        state = .exchange(request, .streaming)
        return persists
    }

    /// The upstream has switched protocols (RFC 9110 §15.2.2).
    mutating func upgraded() {
        if case .exchange(.complete, .waiting) = state { state = .tunnel }
    }

    mutating func responseCompleted(hasUnreadInput: Bool) -> End {
        guard case .exchange(let request, _) = state else { return .none }
        if persists {
            state = .idle
            return .nextRequest
        }
        guard request == .complete, !hasUnreadInput else {
            state = .lingering
            return .linger
        }
        state = .closed
        return .close
    }

    /// The exchange cannot be completed.
    mutating func exchangeFailed() -> Failure {
        switch state {
        case .exchange(_, .waiting):
            return .answer
        case .exchange(_, .streaming):
            state = .closed
            return .abort
        case .tunnel:
            state = .closed
            return .abort
        case .idle, .readingHead, .lingering, .closed:
            return .ignore
        }
    }

    /// Every further response closes the connection.
    mutating func drain() { isDraining = true }

    /// - Returns: whether an exchange was in progress.
    mutating func connectionClosed() -> Bool {
        defer { state = .closed }
        return isExchanging || isTunnel
    }
}
