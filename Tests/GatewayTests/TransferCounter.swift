import MartletTesting
import Synchronization

/// Counts the bytes that one side of a test has transferred.
final class TransferCounter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ amount: Int) { count.withLock { $0 += amount } }

    /// Waits until the count stops growing for a while.
    func settle() async throws {
        var last = -1
        while value != last {
            last = value
            try await letTimePass(.milliseconds(150), because: "nothing more is to be moved")
        }
    }
}
