import Synchronization

/// Refreshes stale key sets in the background.
///
/// The owner of the verifiers runs it. While it is not running, the request that finds a stale set refreshes it.
public final class KeyRefresher: Sendable {
    private let stream: AsyncStream<TokenKeys>
    private let continuation: AsyncStream<TokenKeys>.Continuation
    private let isRunning = Atomic(false)

    public init() {
        (stream, continuation) = AsyncStream.makeStream(of: TokenKeys.self, bufferingPolicy: .bufferingOldest(64))
    }

    /// Runs until the task is cancelled. Call it once.
    public func run() async {
        isRunning.store(true, ordering: .releasing)
        defer { isRunning.store(false, ordering: .releasing) }
        await withDiscardingTaskGroup { group in
            for await keys in stream { group.addTask { await keys.renew() } }
            group.cancelAll()
        }
    }

    var isWorking: Bool { isRunning.load(ordering: .acquiring) }

    /// Schedules a refresh.
    /// - Returns: false when the refresher is not running or its queue is full.
    func schedule(_ keys: TokenKeys) -> Bool {
        guard isWorking else { return false }
        if case .enqueued = continuation.yield(keys) { return true }
        return false
    }
}
