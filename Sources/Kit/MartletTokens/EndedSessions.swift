public import MartletCore
import Synchronization

/// The sessions that have ended before their tokens did: what makes a token that its signature still vouches for invalid.
/// Verifiers share it.
///
/// An entry is forgotten when its tokens have expired both by the time that has passed and by the time of day. One of
/// them would not do: tokens expire by the time of day, and a clock that is set forward and back again would forget what
/// it has to know later.
///
/// Ending a session and asking for one costs the same however many there are. Each has been signed in to, which hashes a
/// password: that bounds how many can end within the life of a token.
public final class EndedSessions: Sendable {
    private struct Entry {
        /// In seconds since 1970, and the same by the monotonic clock.
        var until: Int64
        var untilPassed: Duration
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// In the order in which they came; those before `first` have been forgotten.
        var queue: [String] = []
        var first = 0
        var examined = 0
        var isHeld = false
    }

    private let state = Mutex(State())
    private let grace: Int64
    private let clock: WallClock
    private let monotonicClock: MonotonicClock

    /// - Parameter leeway: how long verifiers accept tokens beyond their time.
    public init(leeway: Duration = .zero, clock: WallClock = .system, monotonicClock: MonotonicClock = .system) {
        // A minute more, as the clocks of those who make tokens differ.
        grace = max(0, leeway.components.seconds) + 60
        self.clock = clock
        self.monotonicClock = monotonicClock
    }

    /// - Parameter until: when the session's last token ends by itself, in seconds since 1970.
    public func insert(_ session: String, until: Int64) {
        let (now, passed) = (clock.now.secondsSince1970, monotonicClock.now)
        // No time that a token could have, and none that arithmetic could not be done with.
        let until = min(max(until, -1 << 50), 1 << 50)
        let entry = Entry(until: until, untilPassed: passed + .seconds(max(0, until - now)))
        state.withLock { state in
            Self.forgetOldest(in: &state, now, passed, grace)
            guard let known = state.entries[session] else {
                state.entries[session] = entry
                state.queue.append(session)
                return
            }
            state.entries[session] = Entry(
                until: max(known.until, entry.until), untilPassed: max(known.untilPassed, entry.untilPassed))
        }
    }

    public func contains(_ session: String) -> Bool { state.withLock { $0.entries[session] != nil } }

    /// Until ``release()``, nobody knows which sessions have ended, and no token can be believed.
    public func hold() { state.withLock { $0.isHeld = true } }
    public func release() { state.withLock { $0.isHeld = false } }

    /// What is wrong with a token of a session: nothing when nil.
    func problem(of session: String?) -> Problem? {
        state.withLock { state in
            if state.isHeld { return .unavailable("The sessions that have ended are not known yet.") }
            return session.map { state.entries[$0] != nil } == true ? .sessionEnded : nil
        }
    }

    var count: Int { state.withLock { $0.entries.count } }
    /// How many entries have been looked at in order to forget them.
    var examined: Int { state.withLock { $0.examined } }

    /// Two for each that comes, so that it never takes long and they become fewer all the same.
    private static func forgetOldest(in state: inout State, _ now: Int64, _ passed: Duration, _ grace: Int64) {
        for _ in 0..<2 where state.first < state.queue.count {
            state.examined += 1
            let session = state.queue[state.first]
            if let entry = state.entries[session] {
                guard now > entry.until + grace, passed > entry.untilPassed + .seconds(grace) else { break }
                state.entries[session] = nil
            }
            state.first += 1
        }
        if state.first > 1024, state.first * 2 > state.queue.count {
            state.queue.removeFirst(state.first)
            state.first = 0
        }
    }
}
