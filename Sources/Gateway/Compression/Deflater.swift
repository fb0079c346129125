import CZlib
import NIOCore

/// A zlib compression stream. Takes about 256 KiB.
final class Deflater {
    let coding: ContentCoding
    let level: Int
    /// Whether some input has not been output yet.
    private(set) var holdsInput = false
    /// Allocated separately, since zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// How much of the input to output.
    enum Flush {
        /// As much as zlib chooses.
        case none
        /// All of it, so that a reader can decode everything so far.
        case all
        /// All of it, and the end of the stream.
        case end

        fileprivate var value: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .all: Z_SYNC_FLUSH
            case .end: Z_FINISH
            }
        }
    }

    /// - Returns: nil when out of memory.
    init?(_ coding: ContentCoding, level: Int) {
        self.coding = coding
        self.level = level
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A window of 32 KiB; adding 16 selects the gzip format instead of zlib.
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

    /// Prepares for another stream.
    func reset() {
        deflateReset(stream)
        holdsInput = false
    }

    /// Consumes all of `input` and returns the output.
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
                // All output is out once some room remains.
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        holdsInput = flush == .none && (holdsInput || input.readableBytes > 0)
        return output
    }
}

/// The deflaters of one event loop. Their number is bounded, and a few idle ones are reused, since creating one costs
/// more than compressing a small response.
struct DeflaterPool {
    /// The most in use; further responses are sent uncompressed.
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
