import NIOCore

/// How a connection of HTTP/2 comes to its end: because it is unused for too long, the gateway shuts down, or the
/// client breaks the protocol.
///
/// Pure. What the frames mean is swift-nio-http2's to know.
struct HTTP2ConnectionStateMachine {
    private enum State { case serving, leaving, closing, failed, closed }

    enum Action: Equatable {
        case none
        /// No stream is open: the wait for the next one begins.
        case awaitRequest
        /// GOAWAY with the last stream that is answered (RFC 9113 §6.8). A request that crosses it is the client's to
        /// send again elsewhere.
        case leave(lastStream: Int)
        /// The last answer is on its way, and the client is given time to read it.
        case awaitClose
        /// The same GOAWAY, and the end when it is out, and with it everything before it.
        case closeAfterFlush(lastStream: Int)
        /// GOAWAY with ENHANCE_YOUR_CALM, and the end.
        case refuse(lastStream: Int)
        case close
    }

    private var state = State.serving
    private var streams = 0
    private var lastStream = 0
    private var misuses = HTTP2MisuseLimit()

    var isIdle: Bool { streams == 0 }
    var hasFailed: Bool { state == .failed }

    mutating func streamOpened(_ id: Int) {
        streams += 1
        lastStream = max(lastStream, id)
    }

    mutating func streamClosed() -> Action {
        streams = max(0, streams - 1)
        guard streams == 0 else { return .none }
        return switch state {
        case .serving: .awaitRequest
        case .leaving: .awaitClose
        case .closing, .failed, .closed: .none
        }
    }

    /// From now on no request is taken.
    mutating func drain() -> Action {
        guard state == .serving else { return .none }
        state = .leaving
        return .leave(lastStream: lastStream)
    }

    /// The client has made the gateway reset a stream.
    mutating func streamMisused(at now: NIODeadline) -> Action {
        guard state != .failed, state != .closed, misuses.isExceeded(at: now) else { return .none }
        return .refuse(lastStream: lastStream)
    }

    /// The client broke the protocol, and has been told.
    /// - Returns: whether it had not before.
    @discardableResult
    mutating func failed() -> Bool {
        guard state != .failed, state != .closed else { return false }
        state = .failed
        return true
    }

    mutating func deadlinePassed() -> Action {
        switch state {
        case .serving:
            return isIdle ? drain() : .none
        case .leaving:
            guard isIdle else { return .none }
            state = .closing
            return .closeAfterFlush(lastStream: lastStream)
        case .closing, .failed:
            state = .closed
            return .close
        case .closed:
            return .none
        }
    }

    mutating func connectionClosed() { state = .closed }
}
