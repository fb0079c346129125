import Synchronization

/// A value that is delivered once to one waiting task.
///
/// A cancelled task stops waiting immediately. ``fulfil(_:)`` then returns false, so that a connection is never lost.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case pending
        case waiting(CheckedContinuation<Value, any Error>)
        case fulfilled(Result<Value, any Error>)
        case delivered
        case abandoned
    }

    private let state = Mutex(State.pending)

    /// Whether the task has stopped waiting.
    var isAbandoned: Bool {
        state.withLock { if case .abandoned = $0 { true } else { false } }
    }

    /// - Returns: false if the value will not be used, because the task has stopped waiting or already has a value.
    @discardableResult
    func fulfil(_ result: Result<Value, any Error>) -> Bool {
        let (accepted, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .pending:
                state = .fulfilled(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .delivered
                return (true, continuation)
            case .fulfilled, .delivered, .abandoned:
                return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return accepted
    }

    /// Waits for the value. Call it once.
    /// - Throws: the delivered error, or `CancellationError`.
    func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await valueIgnoringCancellation()
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                switch state {
                case .pending:
                    state = .abandoned
                    return nil
                case .waiting(let continuation):
                    state = .abandoned
                    return continuation
                case .fulfilled, .delivered, .abandoned:
                    return nil
                }
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Like ``value()``, but ignores cancellation.
    func valueIgnoringCancellation() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state -> Result<Value, any Error>? in
                switch state {
                case .pending:
                    state = .waiting(continuation)
                    return nil
                case .fulfilled(let result):
                    state = .delivered
                    return result
                case .abandoned, .waiting, .delivered:
                    return .failure(CancellationError())
                }
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
