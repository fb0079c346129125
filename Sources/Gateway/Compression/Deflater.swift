import CZlib
import NIOCore

/// One stream of compressed data, made by zlib. About 256 KiB.
final class Deflater {
    let coding: ContentCoding
    let level: Int
    /// Whether what has been put in has not all come out yet.
    private(set) var holdsInput = false
    /// At an address of its own: zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// What leaves with the input.
    enum Flush {
        /// As much as zlib likes.
        case none
        /// All of it, so that a reader can decode what it has.
        case all
        /// All of it and the end of the stream.
        case end

        fileprivate var value: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .all: Z_SYNC_FLUSH
            case .end: Z_FINISH
            }
        }
    }

    /// - Returns: nil when there is no memory for it.
    init?(_ coding: ContentCoding, level: Int) {
        self.coding = coding
        self.level = level
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A window of 32 KiB; 16 more asks for gzip's frame instead of zlib's.
        let windowBits: Int32 = coding == .gzip ? 15 + 16 : 15
        let result = deflateInit2_(
            stream, Int32(clamping: level), Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Makes ready for another stream.
    func reset() {
        deflateReset(stream)
        holdsInput = false
    }

    /// Takes all of `input` and returns what comes out of it.
    func compress(_ input: ByteBuffer, flush: Flush = .none) -> ByteBuffer {
        var output = ByteBuffer()
        input.withUnsafeReadableBytes { bytes in
            // zlib does not write to its input; its declaration only lacks the `const`.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
            stream.pointee.avail_in = UInt32(clamping: bytes.count)
            let expected = flush == .none ? 4096 : min(max(512, bytes.count / 2), 64 * 1024)
            repeat {
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: expected) { space in
                    let room = UInt32(clamping: space.count)
                    stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                    stream.pointee.avail_out = room
                    deflate(stream, flush.value)
                    return Int(room - stream.pointee.avail_out)
                }
                // Only when there was room left is everything out.
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        holdsInput = flush == .none && (holdsInput || input.readableBytes > 0)
        return output
    }
}

/// The streams of one event loop: a bounded number at a time, and the last ones are used again, as making one costs
/// more than compressing a small answer.
struct DeflaterPool {
    /// More answers than these are sent as they are.
    static let maximum = 64
    private static let maximumIdle = 8

    private var idle: [Deflater] = []
    private var lent = 0

    /// - Returns: nil when too many are in use.
    mutating func take(_ coding: ContentCoding, level: Int) -> Deflater? {
        guard lent < Self.maximum else { return nil }
        let found: Deflater?
        if let index = idle.lastIndex(where: { $0.coding == coding && $0.level == level }) {
            found = idle.remove(at: index)
        } else {
            found = Deflater(coding, level: level)
        }
        if found != nil { lent += 1 }
        return found
    }

    mutating func give(_ deflater: Deflater) {
        lent -= 1
        deflater.reset()
        if idle.count == Self.maximumIdle { idle.removeFirst() }
        idle.append(deflater)
    }
}
