import Synchronization

/// A value that one task waits for and somebody else delivers, once.
///
/// A cancelled waiter stops waiting at once, and ``fulfil(_:)`` then says so, so that a connection is never handed to
/// nobody.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case pending
        case waiting(CheckedContinuation<Value, any Error>)
        case fulfilled(Result<Value, any Error>)
        case delivered
        case abandoned
    }

    private let state = Mutex(State.pending)

    /// Whether the waiter has given up.
    var isAbandoned: Bool {
        state.withLock { if case .abandoned = $0 { true } else { false } }
    }

    /// - Returns: false when the value will not be used: the waiter has given up, or had its answer already.
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

    /// Waits for the value. To be called once.
    /// - Throws: the error that was delivered, or `CancellationError`.
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

    /// As ``value()``, to the end even when the task is cancelled.
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
