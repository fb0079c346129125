import Synchronization

/// Wakes a loop that has nothing to do. Signals given while nobody waits are remembered as one.
final class Signal: Sendable {
    private struct State {
        var isSet = false
        var waiter: (number: UInt64, continuation: CheckedContinuation<Bool, Never>)?
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    func set() {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let waiter = state.waiter else {
                state.isSet = true
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume(returning: true)
    }

    /// Waits for a signal, a timeout or the cancellation of the task. Only one task may wait at a time.
    /// - Returns: whether there was a signal.
    @discardableResult
    func wait(atMost timeout: Duration) async -> Bool {
        guard timeout > .zero else {
            return state.withLock { state in
                defer { state.isSet = false }
                return state.isSet
            }
        }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            // A signal at the last moment is not lost.
            let second = await group.next() ?? false
            return first || second
        }
    }

    /// Waits for a signal or the cancellation of the task.
    /// - Returns: whether there was a signal.
    @discardableResult
    func wait() async -> Bool {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Bool? in
                    guard !state.isSet else {
                        state.isSet = false
                        return true
                    }
                    guard !Task.isCancelled else { return false }
                    state.waiter = (number, continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let waiter = state.waiter, waiter.number == number else { return nil }
                state.waiter = nil
                return waiter.continuation
            }
            waiter?.resume(returning: false)
        }
    }
}
