/// Where a connection to an upstream stands: what its bytes mean, and what its end means.
struct UpstreamStateMachine: ~Copyable {
    private struct Exchange: Equatable {
        /// The connection has carried a request before, so its end may only mean that the upstream got tired of it.
        var isReused: Bool
        var mayRepeat: Bool
        /// Whether the request asked for another protocol.
        var mayUpgrade: Bool
        var sentBody = false
        var isRequestComplete = false
        var receivedBytes = false
        var interimBytes = 0
    }

    private enum State: Equatable {
        case idle
        case awaitingHead(Exchange)
        case receivingBody(Exchange, reusable: Bool)
        /// Another protocol is spoken now: bytes mean nothing here any more.
        case tunnel
        case closed
    }

    enum Arrival: Equatable { case head, body, unsolicited }
    enum Head: Equatable { case interim, upgraded, final, refused }
    enum End: Equatable { case reuse, close }
    enum Close: Equatable {
        case nothing
        /// The request may be sent again on a new connection: nothing of an answer has come, nothing of a body is
        /// lost, and sending it twice is sending it once.
        case retry
        /// No answer.
        case failed
        /// The answer ends here, whole.
        case complete
        /// The answer is cut off.
        case truncated
    }

    /// Interim responses of more bytes than these are an upstream out of order. How many there may be is not limited:
    /// a service that works for long may say so often. How long it may take is the client's wait for the first byte.
    static let maximumInterimBytes = 256 * 1024

    private var state = State.idle
    private var exchanges = 0

    var isIdle: Bool { state == .idle }

    /// Whether the exchange under way, or the last one, was not the connection's first.
    var isReused: Bool { exchanges > 1 }

    /// Whether something of the head of an answer has come.
    var hasReceivedBytes: Bool {
        switch state {
        case .awaitingHead(let exchange), .receivingBody(let exchange, _): exchange.receivedBytes
        case .idle, .tunnel, .closed: false
        }
    }

    var isTunnel: Bool { state == .tunnel }

    mutating func begin(mayRepeat: Bool, mayUpgrade: Bool = false) {
        guard state == .idle else { return }
        state = .awaitingHead(
            Exchange(isReused: exchanges > 0, mayRepeat: mayRepeat, mayUpgrade: mayUpgrade))
        exchanges += 1
    }

    /// A part of the body is sent that nobody keeps.
    mutating func bodySent() { update { $0.sentBody = true } }

    mutating func requestCompleted() { update { $0.isRequestComplete = true } }

    mutating func bytesArrived() -> Arrival {
        update { $0.receivedBytes = true }
        return switch state {
        case .idle, .closed: .unsolicited
        case .awaitingHead: .head
        case .receivingBody, .tunnel: .body
        }
    }

    /// - Parameters:
    ///   - reusable: whether the response lets the connection live on.
    ///   - size: of the head, in bytes.
    mutating func headReceived(status: Int, reusable: Bool, size: Int = 0) -> Head {
        guard case .awaitingHead(var exchange) = state else { return .refused }
        if status == 101, exchange.mayUpgrade {
            state = .tunnel
            return .upgraded
        }
        guard status >= 200 else {
            exchange.interimBytes += size
            state = .awaitingHead(exchange)
            // 101 would switch to a protocol that nobody asked for.
            return status == 101 || exchange.interimBytes > Self.maximumInterimBytes ? .refused : .interim
        }
        state = .receivingBody(exchange, reusable: reusable)
        return .final
    }

    /// - Parameter hasLeftover: bytes follow the response, which belong to nothing.
    mutating func responseCompleted(hasLeftover: Bool) -> End {
        guard case .receivingBody(let exchange, let reusable) = state else { return .close }
        // An upstream that answered early may still wait for the rest of the body.
        guard reusable, exchange.isRequestComplete, !hasLeftover else {
            state = .closed
            return .close
        }
        state = .idle
        return .reuse
    }

    /// The gateway closes the connection itself.
    mutating func abandon() { state = .closed }

    /// The connection ended.
    /// - Parameters:
    ///   - isBodyWhole: whether the body that was being received is complete now that nothing more comes.
    ///   - isClean: false when the connection was reset.
    mutating func connectionClosed(isBodyWhole: Bool, isClean: Bool) -> Close {
        defer { state = .closed }
        switch state {
        case .idle, .closed:
            return .nothing
        case .awaitingHead(let exchange):
            let canRepeat = exchange.isReused && exchange.mayRepeat && !exchange.sentBody && !exchange.receivedBytes
            return canRepeat ? .retry : .failed
        case .receivingBody:
            return isBodyWhole && isClean ? .complete : .truncated
        case .tunnel:
            return .complete
        }
    }

    private mutating func update(_ change: (inout Exchange) -> Void) {
        switch state {
        case .awaitingHead(var exchange):
            change(&exchange)
            state = .awaitingHead(exchange)
        case .receivingBody(var exchange, let reusable):
            change(&exchange)
            state = .receivingBody(exchange, reusable: reusable)
        case .idle, .tunnel, .closed: break
        }
    }
}
