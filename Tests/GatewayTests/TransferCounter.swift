import MartletTesting
import Synchronization

/// How much one side of a test has moved so far.
final class TransferCounter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ amount: Int) { count.withLock { $0 += amount } }

    /// Waits until no progress has been made for a while.
    func settle() async throws {
        var last = -1
        while value != last {
            last = value
            try await letTimePass(.milliseconds(150), because: "nothing more is to be moved")
        }
    }
}
