import Logging
import MartletCore
import Synchronization

/// Runs the handler of a route once for each `Idempotency-Key`.
///
/// The claim, the handler's effects and the answer are separate transactions. If the process dies between the effects and
/// the answer, the key is free again when the claim expires, and a repeated request runs the handler a second time.
final class IdempotentCalls: Sendable {
    /// The most rows that one request deletes.
    private static let batch = 100
    private static let sweepInterval = Duration.seconds(60)

    private let store: IdempotencyStore
    private let logger: Logger
    private let clock: MonotonicClock
    private let nextSweep: Mutex<Duration>

    init(_ store: IdempotencyStore, logger: Logger, clock: MonotonicClock) {
        self.store = store
        self.logger = logger
        self.clock = clock
        nextSweep = Mutex(clock.now + Self.sweepInterval)
    }

    /// - Parameter handler: returns the answer to store. Throws if a repeated request should run it again.
    /// - Returns: the answer of `handler` to this request or to an earlier one with the key.
    /// - Throws: the errors of ``IdempotencyStore/claim(_:)`` and of `handler`.
    func answer(
        _ claim: IdempotencyClaim, _ handler: @escaping @Sendable () async throws -> ResponseParts
    ) async throws -> ResponseParts {
        if let earlier = try await store.claim(claim) { return earlier }
        let answer: ResponseParts
        do {
            answer = try await renewing(claim, handler)
        } catch {
            // If this fails too, or the task is cancelled, the claim expires.
            await attempt("release") { try await self.store.release(claim) }
            throw error
        }
        await attempt("store") { try await self.store.finish(claim, answer) }
        await sweep()
        return answer
    }

    /// Runs the handler, and renews the claim until it ends.
    private func renewing(
        _ claim: IdempotencyClaim, _ handler: @escaping @Sendable () async throws -> ResponseParts
    ) async throws -> ResponseParts {
        try await withThrowingTaskGroup(of: ResponseParts?.self) { group in
            group.addTask(operation: handler)
            group.addTask { [store] in
                while (try? await Task.sleep(for: store.claimLifetime / 3)) != nil {
                    await self.attempt("renew") { try await store.renew(claim) }
                }
                return nil
            }
            defer { group.cancelAll() }
            while let finished = try await group.next() {
                if let answer = finished { return answer }
            }
            throw CancellationError()
        }
    }

    /// Deletes some expired rows: once a minute, and with every request while there are many.
    private func sweep() async {
        let now = clock.now
        let isDue = nextSweep.withLock { next in
            guard now >= next else { return false }
            next = now + Self.sweepInterval
            return true
        }
        guard isDue else { return }
        await attempt("delete") {
            if try await self.store.deleteExpired(limit: Self.batch) { self.nextSweep.withLock { $0 = now } }
        }
    }

    /// The answer goes to the client whether or not the store can be changed.
    private func attempt(_ action: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
            // The claim expires.
        } catch {
            logger.error("idempotency key: \(action) failed", metadata: ["error": "\(error)"])
        }
    }
}
