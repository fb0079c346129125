import NIOCore

/// Whether there is a connection, and when to try for one again. Pure: it is told what happened.
///
/// After a failure commands are refused at once until Redis has answered again, so nobody waits for what is known to be
/// away. Before the first connection, and after one that ended while it was not needed, they wait for it.
struct RedisLifecycle {
    private enum State: Equatable {
        case idle
        case connecting(failures: Int)
        /// With the failures since Redis last answered a command.
        case ready(failures: Int)
        case resting(failures: Int)
        case closed
    }

    /// What becomes of a command.
    enum Admission: Equatable {
        case write
        /// It is written when there is a connection.
        case hold
        /// As before, and somebody must connect.
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

    /// The time for another attempt has come.
    /// - Returns: whether to connect.
    mutating func rested() -> Bool {
        guard case .resting(let failures) = state else { return false }
        state = .connecting(failures: failures)
        return true
    }

    /// Redis has answered on a new connection.
    mutating func connected() {
        if case .connecting(let failures) = state { state = .ready(failures: failures) }
    }

    /// Redis has answered a command, so its troubles are over. A mere connection does not say that: to one that is too
    /// slow, the waits must grow all the same.
    mutating func answered() {
        if case .ready(let failures) = state, failures > 0 { state = .ready(failures: 0) }
    }

    /// The connection, or the attempt at one, has failed.
    /// - Returns: how many times in a row, if it is to be tried again.
    mutating func failed() -> Int? {
        let failures: Int
        switch state {
        case .connecting(let before), .ready(let before): failures = min(before + 1, 1000)
        case .idle, .resting, .closed: return nil
        }
        state = .resting(failures: failures)
        return failures
    }

    /// Redis has ended a connection that nobody was waiting on, as it does with those that are long unused.
    mutating func endedUnused() {
        if isReady { state = .idle }
    }

    mutating func close() { state = .closed }
}
