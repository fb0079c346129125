import MartletCore
import Synchronization

/// Slows down whoever guesses passwords: after ten failures for one account from one address, each further try has to
/// wait twice as long as the one before, up to a quarter of an hour.
///
/// Accounts that do not exist are counted alike, so the throttle tells nothing. A try counts as failed until it has
/// succeeded: otherwise a thousand sent at once would all be the first. Kept in memory, by process.
final class LoginThrottle: Sendable {
    private struct Key: Hashable {
        let account: String
        let address: String
    }

    private struct Failures {
        var count = 0
        var last: Timestamp
    }

    static let freeTries = 10
    private static let longestWait: Int64 = 900
    /// Seconds without a try after which all is forgotten; longer than the longest wait.
    private static let memory: Int64 = 3600
    private static let capacity = 10_000

    private let clock: WallClock
    private let failures = Mutex<[Key: Failures]>([:])

    init(clock: WallClock) { self.clock = clock }

    /// Counts a try.
    /// - Throws: ``Problem`` 429 with `Retry-After` when it comes too early; it does not count then.
    func begin(account: String, address: String?) throws(Problem) {
        let key = key(account, address)
        let now = clock.now
        let wait: Int64? = failures.withLock { failures in
            var entry = failures[key] ?? Failures(last: now)
            if now >= entry.last.advanced(bySeconds: Self.memory) { entry = Failures(last: now) }
            let next = entry.last.advanced(bySeconds: Self.wait(after: entry.count))
            if now < next { return max(1, next.secondsSince1970 - now.secondsSince1970) }
            entry.count += 1
            entry.last = now
            if failures[key] == nil, failures.count >= Self.capacity { Self.makeRoom(in: &failures, now) }
            failures[key] = entry
            return nil
        }
        if let wait {
            throw Problem(
                status: 429, detail: "Too many failed attempts. Try again in \(wait) seconds.",
                code: "too_many_attempts", headers: [("Retry-After", "\(wait)")])
        }
    }

    /// The try has succeeded: the next one is free again.
    func succeed(account: String, address: String?) {
        failures.withLock { $0[key(account, address)] = nil }
    }

    /// Seconds that must pass after the last of so many failures.
    private static func wait(after count: Int) -> Int64 {
        guard count >= freeTries else { return 0 }
        return min(longestWait, 1 << Int64(min(count - freeTries, 20)))
    }

    private static func makeRoom(in failures: inout [Key: Failures], _ now: Timestamp) {
        failures = failures.filter { now < $0.value.last.advanced(bySeconds: memory) }
        // Flooded with made-up names: those with the fewest failures lose the least.
        guard failures.count >= capacity else { return }
        failures = failures.filter { $0.value.count >= freeTries }
        if failures.count >= capacity { failures.removeAll(keepingCapacity: true) }
    }

    private func key(_ account: String, _ address: String?) -> Key {
        Key(account: String(account.prefix(300)), address: address ?? "")
    }
}
