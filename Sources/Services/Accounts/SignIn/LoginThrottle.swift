import Crypto
import Foundation
import MartletCore
import Synchronization

/// Slows down guessing of passwords.
///
/// Failures are counted three times: of one source at one account, of an account, and of a source at all accounts.
/// - One source at one account: ten are free, then each try waits twice as long as the one before, up to a quarter of
///   an hour.
/// - An account under attack from many places: sources that have never been signed in from have one free try each. It
///   slows guessing and locks nobody out.
/// - A source that tries many accounts: a hundred are free, then it waits up to half a minute for each, except at
///   accounts it has been signed in from.
///
/// Accounts that do not exist are counted alike, so the throttle tells nothing. A try counts as failed until it has
/// been decided: otherwise a thousand sent at once would all be the first. Kept in memory, by process; measured by a
/// clock that nobody sets.
final class LoginThrottle: Sendable {
    /// Half of a SHA-256: names of a client's choice are neither kept nor compared as text.
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

    /// Failures at an account from where it has never been signed in from, from which on it is under attack.
    private static let attack = 30

    private let clock: MonotonicClock
    private let tables: Mutex<Tables>

    /// - Parameter capacity: how many accounts, sources, and pairs of them are remembered at the most.
    init(clock: MonotonicClock, capacity: Int = 16_384) {
        self.clock = clock
        tables = Mutex(Tables(capacity: capacity))
    }

    /// Checks a secret. Nil is a wrong one and counts; an error decides nothing and does not.
    /// - Parameter account: names the account; one account must have one name.
    /// - Throws: ``Problem`` 429 with `Retry-After` when it comes too early; it does not count then.
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
        /// Nil where the account has been signed in from before: its owner's mistakes are no attack.
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
        // The account comes last, so that nothing in its name can be taken for another source.
        for name in [kind] + names { hash.update(data: Data(name.utf8) + [0]) }
        return hash.finalize().withUnsafeBytes { bytes in
            Key(
                high: bytes.loadUnaligned(as: UInt64.self), low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
    }
}
