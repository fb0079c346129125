import Foundation
import MartletTelemetry
import Synchronization
import Testing

@Suite struct LogWriterTests {
    private func line(_ number: Int) -> [UInt8] { Array("line \(number) \(String(repeating: "x", count: 100))\n".utf8) }

    /// Creates a pipe. On Linux a pipe holds 64 KiB.
    private func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private func readAll(_ descriptor: Int32) -> [Substring] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    @Test func dropsAndCountsUnreadLines() throws {
        let (readEnd, writeEnd) = try makePipe()
        let dropped = Mutex(0)
        let writer = LogWriter(descriptor: writeEnd, capacity: 100_000, onDrop: { dropped.withLock { $0 += 1 } }) {
            Array("dropped \($0)\n".utf8)
        }
        // Ten times the capacity of pipe and buffer: no write blocks.
        for number in 0..<15_000 { writer.write(line(number)) }
        let lost = dropped.withLock { $0 }
        #expect(lost > 10_000)
        #expect(!writer.flush(within: 0.05), "the reader has stopped")

        let lines = Mutex<[Substring]>([])
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let all = readAll(readEnd)
            lines.withLock { $0 = all }
            done.signal()
        }
        #expect(writer.flush(within: 10), "there is a reader again")
        writer.write(line(-1))
        #expect(writer.flush(within: 10))
        close(writeEnd)
        #expect(done.wait(timeout: .now() + 10) == .success)
        close(readEnd)
        let read = lines.withLock { $0 }
        #expect(read.count { $0.hasPrefix("line") } == 15_001 - lost)
        let reports = read.compactMap { $0.hasPrefix("dropped ") ? Int($0.dropFirst(8)) : nil }
        #expect(reports.reduce(0, +) == lost)
        #expect(read.first?.hasPrefix("line 0 ") == true)
        #expect(read.last?.hasPrefix("line -1 ") == true, "what comes later is logged again")
    }

    @Test func keepsTheOrderOfLines() throws {
        let (readEnd, writeEnd) = try makePipe()
        let writer = LogWriter(descriptor: writeEnd) { _ in [] }
        for number in 0..<300 { writer.write(line(number)) }
        #expect(writer.flush(within: 10))
        close(writeEnd)
        let read = readAll(readEnd)
        close(readEnd)
        #expect(read.map { $0.split(separator: " ")[1] } == (0..<300).map { "\($0)" })
    }

    /// A closed terminal neither blocks nor ends the process.
    @Test func continuesWhenWritingFails() throws {
        let writer = LogWriter(descriptor: -1) { _ in [] }
        writer.write(line(0))
        #expect(writer.flush(within: 10))
    }
}
