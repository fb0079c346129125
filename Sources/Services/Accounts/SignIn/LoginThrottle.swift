import Crypto
import Foundation
import MartletCore
import Synchronization

/// Slows down password guessing.
///
/// Failures are counted in three ways: by source and account, by account, and by source.
/// - One source, one account: ten failures are free. Then each attempt waits twice as long as the previous one, up to a
///   quarter of an hour.
/// - One account attacked from many sources: sources without an earlier sign-in have one free attempt each. This slows
///   guessing without locking out the owner.
/// - One source, many accounts: a hundred failures are free. Then each attempt waits up to half a minute, except for
///   accounts that have signed in from the source before.
///
/// Unknown accounts are counted the same way, so the throttle reveals nothing. An attempt counts as failed until it is
/// decided; otherwise a thousand simultaneous attempts would all be the first. Counts are kept in memory, per process,
/// and use the monotonic clock.
final class LoginThrottle: Sendable {
    /// Half of a SHA-256: names chosen by clients are neither stored nor compared as text.
    private struct Key: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
    }

    private struct Tables {
        var pairs: FailureTable<Key>
        var accounts: FailureTable<Key>
        var sources: FailureTable<Key>

        init(capacity: Int) {
            func table(freeTries: Int, longestWait: Duration) -> FailureTable<Key> {
                FailureTable(
                    .init(freeTries: freeTries, longestWait: longestWait, memory: .seconds(3600), capacity: capacity))
            }
            pairs = table(freeTries: 10, longestWait: .seconds(900))
            accounts = table(freeTries: attack, longestWait: .zero)
            sources = table(freeTries: 100, longestWait: .seconds(30))
        }
    }

    /// The number of failures from unknown sources at which an account counts as under attack.
    private static let attack = 30

    private let clock: MonotonicClock
    private let tables: Mutex<Tables>

    /// - Parameter capacity: the maximum number of accounts, of sources, and of pairs of them that are remembered.
    init(clock: MonotonicClock, capacity: Int = 16_384) {
        self.clock = clock
        tables = Mutex(Tables(capacity: capacity))
    }

    /// Checks a secret. A nil result means a wrong secret and counts as a failure; an error does not count.
    /// - Parameter account: the name of the account, always the same for one account.
    /// - Throws: ``Problem`` 429 with `Retry-After` when the attempt is too early; it does not count.
    func checking<Value>(
        _ account: String, from source: LoginSource, _ check: () async throws -> Value?
    ) async throws -> Value? {
        let attempt = try begin(account, source)
        let value: Value?
        do {
            value = try await check()
        } catch {
            withdraw(attempt)
            throw error
        }
        if value != nil { succeed(attempt) }
        return value
    }

    private struct Attempt: Sendable {
        let pair: FailureTable<Key>.Try
        let source: FailureTable<Key>.Try
        /// Nil when the account has signed in from the source before: its owner's mistakes are not an attack.
        let account: FailureTable<Key>.Try?
    }

    private func begin(_ account: String, _ source: LoginSource) throws(Problem) -> Attempt {
        let now = clock.now
        let pairKey = Self.key("pair", source.name, account)
        let accountKey = Self.key("account", account)
        let sourceKey = Self.key("source", source.name)
        let (attempt, wait): (Attempt?, Duration) = tables.withLock { tables in
            let isAttacked = !source.isKnown && tables.accounts.count(of: accountKey, at: now) >= Self.attack
            let wait = max(
                tables.pairs.wait(for: pairKey, at: now, freeTries: isAttacked ? 1 : nil),
                source.isKnown ? .zero : tables.sources.wait(for: sourceKey, at: now))
            guard wait == .zero else { return (nil, wait) }
            let attempt = Attempt(
                pair: tables.pairs.add(pairKey, at: now), source: tables.sources.add(sourceKey, at: now),
                account: source.isKnown ? nil : tables.accounts.add(accountKey, at: now))
            return (attempt, .zero)
        }
        if let attempt { return attempt }
        let seconds = wait.components.seconds + (wait.components.attoseconds > 0 ? 1 : 0)
        throw Problem(
            status: 429, detail: "Too many failed attempts. Try again in \(seconds) seconds.",
            code: "too_many_attempts", headers: [("Retry-After", "\(seconds)")])
    }

    private func succeed(_ attempt: Attempt) {
        withdraw(attempt)
        tables.withLock { $0.pairs.forget(attempt.pair.key) }
    }

    private func withdraw(_ attempt: Attempt) {
        tables.withLock { tables in
            tables.pairs.withdraw(attempt.pair)
            tables.sources.withdraw(attempt.source)
            if let account = attempt.account { tables.accounts.withdraw(account) }
        }
    }

    private static func key(_ kind: String, _ names: String...) -> Key {
        var hash = SHA256()
        // The account comes last, so that its name cannot be mistaken for a source.
        for name in [kind] + names { hash.update(data: Data(name.utf8) + [0]) }
        return hash.finalize().withUnsafeBytes { bytes in
            Key(
                high: bytes.loadUnaligned(as: UInt64.self), low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
    }
}
