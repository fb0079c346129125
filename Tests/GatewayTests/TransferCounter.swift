import Synchronization

/// How much one side of a test has moved so far.
final class TransferCounter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ amount: Int) { count.withLock { $0 += amount } }

    /// Waits until no progress has been made for a while: that something does not happen can only be seen in time.
    func settle() async throws {
        var last = -1
        while value != last {
            last = value
            try await Task.sleep(for: .milliseconds(150))
        }
    }
}
