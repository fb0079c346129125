public import MartletCore
import Synchronization

/// The sessions that ended before their tokens expired. Their tokens are invalid despite a correct signature. Verifiers
/// share one instance.
///
/// An entry is removed when its tokens have expired by both the elapsed time and the time of day. Tokens expire by the
/// time of day, and with that clock alone, setting it forward and back again would remove entries too early.
///
/// Insertion and lookup take constant time. The number of entries is bounded because every session began with a
/// sign-in, which hashes a password.
public final class EndedSessions: Sendable {
    private struct Entry {
        /// The end of the last token, in seconds since 1970 and by the monotonic clock.
        var until: Int64
        var untilPassed: Duration
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// The sessions in order of insertion. Those before `first` have been removed.
        var queue: [String] = []
        var first = 0
        var examined = 0
        var isHeld = false
    }

    private let state = Mutex(State())
    private let grace: Int64
    private let clock: WallClock
    private let monotonicClock: MonotonicClock

    /// - Parameter leeway: how long verifiers accept tokens after their expiry.
    public init(leeway: Duration = .zero, clock: WallClock = .system, monotonicClock: MonotonicClock = .system) {
        // Add a minute, because the clocks of issuers differ.
        grace = max(0, leeway.components.seconds) + 60
        self.clock = clock
        self.monotonicClock = monotonicClock
    }

    /// - Parameter until: when the session's last token expires, in seconds since 1970.
    public func insert(_ session: String, until: Int64) {
        let (now, passed) = (clock.now.secondsSince1970, monotonicClock.now)
        // Clamp to a range that exceeds any valid expiry and cannot overflow.
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

    /// Rejects all tokens with 503 until ``release()``, because the ended sessions are not loaded yet.
    public func hold() { state.withLock { $0.isHeld = true } }
    public func release() { state.withLock { $0.isHeld = false } }

    /// The reason to reject the tokens of a session; nil when they are valid.
    func problem(of session: String?) -> Problem? {
        state.withLock { state in
            if state.isHeld { return .unavailable("The list of ended sessions is still loading.") }
            return session.map { state.entries[$0] != nil } == true ? .sessionEnded : nil
        }
    }

    var count: Int { state.withLock { $0.entries.count } }
    /// The number of entries examined for removal.
    var examined: Int { state.withLock { $0.examined } }

    /// Examines two entries for each insertion: constant time, but enough for the table to shrink.
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
