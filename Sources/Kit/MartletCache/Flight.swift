import Synchronization

/// A computation under way, and the callers that wait for it.
final class Flight<Value: Sendable>: Sendable {
    enum Outcome: Sendable {
        case value(Value)
        case failure(any Error)
        /// The caller that computed was cancelled, or nothing was computed. The others look again.
        case abandoned
    }

    private struct State {
        var outcome: Outcome?
        var waiters: [Int: CheckedContinuation<Outcome, any Error>] = [:]
        var lastWaiter = 0
    }

    private let state = Mutex(State())

    /// Waits until the flight ends.
    /// - Throws: `CancellationError` when the waiting task is cancelled. The flight goes on.
    func outcome() async throws -> Outcome {
        let waiter = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<Outcome, any Error>? in
                    if let outcome = state.outcome { return .success(outcome) }
                    // A cancellation after this check finds the waiter below.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(throwing: CancellationError())
        }
    }

    /// The number of callers that wait.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    func end(_ outcome: Outcome) {
        let waiters = state.withLock { state in
            if state.outcome == nil { state.outcome = outcome }
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: outcome) }
    }
}
