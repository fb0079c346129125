import NIOCore

/// Decides how an HTTP/2 connection ends: because it is idle too long, the gateway shuts down, or the client violates
/// the protocol. Performs no I/O; swift-nio-http2 interprets the frames.
struct HTTP2ConnectionStateMachine {
    private enum State { case serving, leaving, closing, failed, closed }

    enum Action: Equatable {
        case none
        /// No stream is open: start the idle timeout.
        case awaitRequest
        /// Send GOAWAY with the last stream that will be answered (RFC 9113 §6.8). The client may safely repeat later
        /// requests elsewhere.
        case leave(lastStream: Int)
        /// The last response is being sent; give the client time to read it.
        case awaitClose
        /// Send the same GOAWAY, and close once it and everything before it is written.
        case closeAfterFlush(lastStream: Int)
        /// Send GOAWAY with ENHANCE_YOUR_CALM, and close.
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

    /// Accepts no further requests.
    mutating func drain() -> Action {
        guard state == .serving else { return .none }
        state = .leaving
        return .leave(lastStream: lastStream)
    }

    /// The client caused the gateway to reset a stream.
    mutating func streamMisused(at now: NIODeadline) -> Action {
        guard state != .failed, state != .closed, misuses.isExceeded(at: now) else { return .none }
        return .refuse(lastStream: lastStream)
    }

    /// The client violated the protocol, and GOAWAY was sent.
    /// - Returns: whether this is the first failure.
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
