import NIOCore
import NIOHPACK
import Testing

@testable import Gateway

/// Counts the cost of the largest heads.
@Suite struct HeadCostTests {
    @Test(arguments: [1, 7, 1000, 1 << 20])
    func headBytesAreSearchedOnce(_ step: Int) throws {
        let limits = HeadLimits()
        var text = "GET /\(String(repeating: "a", count: 8000)) HTTP/1.1\r\nHost: a\r\n"
        for index in 0..<98 { text += "x-\(index): \(String(repeating: "b", count: 240))\r\n" }
        text += "\r\n"
        let bytes = Array(text.utf8)
        try #require(bytes.count <= limits.head)
        var scanner = LineScanner()
        var lines = 0
        for end in Array(stride(from: 0, to: bytes.count, by: step)) + [bytes.count] {
            bytes.prefix(end).withUnsafeBytes { raw in
                while case .line = scanner.next(in: raw, limit: limits.head) { lines += 1 }
            }
        }
        #expect(lines == 101)
        #expect(scanner.searched == bytes.count)
    }

    /// Pipelined heads, split so that each read ends within the next head.
    @Test(arguments: [false, true]) func consumedHeadsAreReleased(_ isShared: Bool) {
        let head = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var pending = ByteBuffer(string: "GET ")
        var held: ByteBuffer?
        for _ in 0..<5000 {
            pending.append(received: head)
            if isShared { held = pending.getSlice(at: pending.readerIndex, length: 8) }
            pending.moveReaderIndex(forwardBy: head.readableBytes)
        }
        #expect(String(buffer: pending) == "\r\n\r\n" && (held != nil) == isShared)
        #expect(pending.storageCapacity <= 1024)
    }

    /// A section of the maximum size with as many cookie crumbs as possible becomes one field of the same length.
    @Test func joiningCookieCrumbsCostsLinearTime() throws {
        let count = 35_000 / (HeaderTable.overhead + 7)
        let crumbs = (0..<count).map { _ in ("cookie", "a") }
        var translator = HTTP2RequestTranslator()
        var out = ByteBuffer()
        try translator.receive(
            HPACKHeaders(TestHTTP2Client.fields() + crumbs), endsStream: true, writingTo: &out)
        #expect(out.readableBytes < 200 + 3 * count)
        #expect(String(buffer: out).split(separator: "\r\n").count { $0.hasPrefix("cookie: ") } == 1)
    }

    @Test func repairedTargetGrowsAtMostThreefold() {
        let target = "/?" + String(repeating: "%", count: 8000)
        let repaired = Array(target.utf8).withUnsafeBytes { TargetRepair.repaired($0) }
        #expect(repaired?.count == 2 + 3 * 8000)
        // A repaired target is not repaired again.
        #expect(repaired?.withUnsafeBytes { TargetRepair.repaired($0) } == nil)
    }
}
