import Synchronization

/// Bytes that count how often they are read: what a decoder costs, without a clock.
struct CountedBytes: Collection {
    final class Reads: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    let bytes: [UInt8]
    let reads = Reads()

    init(_ text: String) { bytes = Array(text.utf8) }

    var startIndex: Int { 0 }
    var endIndex: Int { bytes.count }
    func index(after index: Int) -> Int { index + 1 }
    func index(_ index: Int, offsetBy distance: Int) -> Int { index + distance }
    func distance(from start: Int, to end: Int) -> Int { end - start }
    subscript(index: Int) -> UInt8 {
        reads.add()
        return bytes[index]
    }
}
