import Synchronization
import Testing

/// Limits how many tests run at once: a few, so that a platform on two cores responds in time. Tests that measure time
/// or stop a server run alone.
struct Turns: SuiteTrait, TestTrait, TestScoping {
    let share: Int

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Queue.shared.enter(share)
        defer { Queue.shared.leave(share) }
        try await function()
    }
}

extension Trait where Self == Turns {
    /// Runs tests a few at a time.
    static var inTurn: Turns { Turns(share: 1) }
    /// Runs a test with no other test of the suite.
    static var alone: Turns { Turns(share: Queue.capacity) }
}

/// A first-come, first-served queue.
private final class Queue: Sendable {
    static let shared = Queue()
    static let capacity = 4

    private struct State {
        var free = Queue.capacity
        var waiting: [(share: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func enter(_ share: Int) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append((share, continuation)) }
            admit()
        }
    }

    func leave(_ share: Int) {
        state.withLock { $0.free += share }
        admit()
    }

    private func admit() {
        let admitted = state.withLock { state in
            var admitted: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, first.share <= state.free {
                state.free -= first.share
                admitted.append(state.waiting.removeFirst().continuation)
            }
            return admitted
        }
        for continuation in admitted { continuation.resume() }
    }
}
