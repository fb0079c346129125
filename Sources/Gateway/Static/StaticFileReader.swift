#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import NIOCore
import NIOPosix

/// Reads a file that is too large to be kept in memory, piece by piece and away from the event loop.
final class StaticFileReader {
    /// Bytes of one piece.
    private static let pieceSize = 64 * 1024

    private final class Descriptor: Sendable {
        let number: CInt
        init(_ number: CInt) { self.number = number }
        deinit { close(number) }
    }

    let size: Int
    private let path: String
    private var offset = 0
    private var descriptor: Descriptor?
    private var isReading = false

    init(path: String, size: Int) {
        self.path = path
        self.size = size
    }

    struct ReadError: Error {
        let code: CInt
    }

    /// Hands over the next piece, or nil at the end. Does nothing while the last call is under way.
    func read(on eventLoop: any EventLoop, _ body: @escaping (Result<ByteBuffer?, any Error>) -> Void) {
        guard !isReading else { return }
        guard offset < size else { return body(.success(nil)) }
        isReading = true
        let (path, offset, known) = (self.path, self.offset, descriptor)
        let count = min(Self.pieceSize, size - offset)
        let piece = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { () throws -> (Descriptor, ByteBuffer) in
            let descriptor = try known ?? Self.descriptor(of: path)
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let result = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
                max(0, pread(descriptor.number, bytes.baseAddress, min(count, bytes.count), off_t(offset)))
            }
            // Shorter than it was at the start: what was promised cannot be kept.
            guard result > 0 else { throw ReadError(code: errno) }
            return (descriptor, buffer)
        }
        piece.assumeIsolated().whenComplete { result in
            self.isReading = false
            switch result {
            case .success((let descriptor, let buffer)):
                self.descriptor = descriptor
                self.offset += buffer.readableBytes
                body(.success(buffer))
            case .failure(let error):
                body(.failure(error))
            }
        }
    }

    private static func descriptor(of path: String) throws -> Descriptor {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw ReadError(code: errno) }
        return Descriptor(number)
    }
}
