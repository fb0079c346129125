import Synchronization

/// Fetches key sets that have grown old, beside the requests that notice it.
///
/// The owner of the verifiers runs it. While it does not run, the request that notices an old set fetches it itself.
public final class KeyRefresher: Sendable {
    private let stream: AsyncStream<TokenKeys>
    private let continuation: AsyncStream<TokenKeys>.Continuation
    private let isRunning = Atomic(false)

    public init() {
        (stream, continuation) = AsyncStream.makeStream(of: TokenKeys.self, bufferingPolicy: .bufferingOldest(64))
    }

    /// Works until the task is cancelled; once in the refresher's life.
    public func run() async {
        isRunning.store(true, ordering: .releasing)
        defer { isRunning.store(false, ordering: .releasing) }
        await withDiscardingTaskGroup { group in
            for await keys in stream { group.addTask { await keys.renew() } }
            group.cancelAll()
        }
    }

    var isWorking: Bool { isRunning.load(ordering: .acquiring) }

    /// - Returns: whether the keys will be renewed.
    func ask(_ keys: TokenKeys) -> Bool {
        guard isWorking else { return false }
        if case .enqueued = continuation.yield(keys) { return true }
        return false
    }
}
