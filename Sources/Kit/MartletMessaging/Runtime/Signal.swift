import Synchronization

/// Wakes a loop that has nothing to do. Signals given while nobody waits are remembered as one.
final class Signal: Sendable {
    private struct State {
        var isSet = false
        var waiter: (number: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    func set() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isSet = true
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Waits for a signal, a timeout or the cancellation of the task. Only one task may wait at a time.
    func wait(atMost timeout: Duration) async {
        guard timeout > .zero else { return state.withLock { $0.isSet = false } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Waits for a signal or the cancellation of the task.
    func wait() async {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !state.isSet, !Task.isCancelled else {
                        state.isSet = false
                        return true
                    }
                    state.waiter = (number, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard let waiter = state.waiter, waiter.number == number else { return nil }
                state.waiter = nil
                return waiter.continuation
            }
            waiter?.resume()
        }
    }
}
