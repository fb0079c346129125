/// The state of an upstream connection: the meaning of its bytes and of its end.
struct UpstreamStateMachine: ~Copyable {
    private struct Exchange: Equatable {
        /// Whether the connection has carried a request before. If so, its end may only mean an idle timeout.
        var isReused: Bool
        var mayRepeat: Bool
        /// Whether the request asks for an upgrade.
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
        /// The connection was upgraded; its bytes are opaque.
        case tunnel
        case closed
    }

    enum Arrival: Equatable { case head, body, unsolicited }
    enum Head: Equatable { case interim, upgraded, final, refused }
    enum End: Equatable { case reuse, close }
    enum Close: Equatable {
        case nothing
        /// The request may be sent again on a new connection: no response has begun, no part of the body is lost, and
        /// the request may be repeated.
        case retry
        /// No response.
        case failed
        /// The response is complete.
        case complete
        /// The response is truncated.
        case truncated
    }

    /// The most bytes of interim responses before the upstream counts as faulty. Their number is not limited: a
    /// long-running service may send many. The client's first-byte timeout bounds their duration.
    static let maximumInterimBytes = 256 * 1024

    private var state = State.idle
    private var exchanges = 0

    var isIdle: Bool { state == .idle }

    /// Whether the current or last exchange was not the connection's first.
    var isReused: Bool { exchanges > 1 }

    /// Whether a part of a response head has arrived.
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

    /// A part of the body was sent that is not kept for a retry.
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
    ///   - reusable: whether the response allows reuse of the connection.
    ///   - size: the size of the head in bytes.
    mutating func headReceived(status: Int, reusable: Bool, size: Int = 0) -> Head {
        guard case .awaitingHead(var exchange) = state else { return .refused }
        if status == 101, exchange.mayUpgrade {
            state = .tunnel
            return .upgraded
        }
        guard status >= 200 else {
            exchange.interimBytes += size
            state = .awaitingHead(exchange)
            // 101 would switch to a protocol that was not requested.
            return status == 101 || exchange.interimBytes > Self.maximumInterimBytes ? .refused : .interim
        }
        state = .receivingBody(exchange, reusable: reusable)
        return .final
    }

    /// - Parameter hasLeftover: whether unexpected bytes follow the response.
    mutating func responseCompleted(hasLeftover: Bool) -> End {
        guard case .receivingBody(let exchange, let reusable) = state else { return .close }
        // An upstream that responded early may still wait for the rest of the body.
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
    ///   - isBodyWhole: whether the end of the connection completes the body being received.
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
