import NIOCore

/// The state machine of a connection: whether there is one, and when to reconnect. Pure: its inputs are events.
///
/// After a failure, commands fail immediately until Redis responds again. Before the first connection, and after one
/// that was closed while unused, they wait for a connection.
struct RedisLifecycle {
    private enum State: Equatable {
        case idle
        case connecting(failures: Int)
        /// Counts the failures since Redis last replied to a command.
        case ready(failures: Int)
        case resting(failures: Int)
        case closed
    }

    /// How to handle a command.
    enum Admission: Equatable {
        case write
        /// Write it when there is a connection.
        case hold
        /// Like `hold`, but the caller must connect.
        case connect
        case refuse(RedisError)
    }

    private var state = State.idle

    var isReady: Bool { if case .ready = state { true } else { false } }
    var isConnecting: Bool { if case .connecting = state { true } else { false } }
    var isClosed: Bool { state == .closed }

    mutating func admit() -> Admission {
        switch state {
        case .idle:
            state = .connecting(failures: 0)
            return .connect
        case .connecting(failures: 0): return .hold
        case .ready: return .write
        case .connecting, .resting: return .refuse(.unavailable)
        case .closed: return .refuse(.closed)
        }
    }

    /// The delay before the next attempt has passed.
    /// - Returns: whether to connect.
    mutating func rested() -> Bool {
        guard case .resting(let failures) = state else { return false }
        state = .connecting(failures: failures)
        return true
    }

    /// Redis has responded on a new connection.
    mutating func connected() {
        if case .connecting(let failures) = state { state = .ready(failures: failures) }
    }

    /// Redis has replied to a command, so it has recovered. A connection alone is no proof: if Redis is too slow, the
    /// delays must keep growing.
    mutating func answered() {
        if case .ready(let failures) = state, failures > 0 { state = .ready(failures: 0) }
    }

    /// The connection, or an attempt to connect, has failed.
    /// - Returns: the number of consecutive failures; nil when no new attempt is needed.
    mutating func failed() -> Int? {
        let failures: Int
        switch state {
        case .connecting(let before), .ready(let before): failures = min(before + 1, 1000)
        case .idle, .resting, .closed: return nil
        }
        state = .resting(failures: failures)
        return failures
    }

    /// Redis has closed a connection without pending commands, as it does with idle connections.
    mutating func endedUnused() {
        if isReady { state = .idle }
    }

    mutating func close() { state = .closed }
}
