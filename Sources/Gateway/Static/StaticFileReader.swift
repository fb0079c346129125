import MartletSystem
import NIOCore
import NIOPosix

/// Which content of a file it is, as far as the file system tells.
struct FileVersion: Sendable, Equatable {
    let size: Int
    /// When it was last changed, since 1970.
    let seconds: Int64
    let nanoseconds: Int
    private let inode: UInt64

    init(_ info: stat) {
        #if canImport(Darwin)
            let time = info.st_mtimespec
        #else
            let time = info.st_mtim
        #endif
        size = Int(info.st_size)
        seconds = Int64(time.tv_sec)
        nanoseconds = Int(time.tv_nsec)
        inode = UInt64(info.st_ino)
    }
}

/// Reads a file that is too large to be kept in memory, piece by piece and away from the event loop.
final class StaticFileReader {
    /// Bytes of one piece.
    private static let pieceSize = 64 * 1024

    private final class Descriptor: Sendable {
        let number: CInt
        init(_ number: CInt) { self.number = number }
        deinit { close(number) }
    }

    /// How much is read, in bytes.
    let count: Int
    private let path: String
    private let version: FileVersion
    private var offset: Int
    private let end: Int
    private var descriptor: Descriptor?
    private var isReading = false

    /// Whether every piece has been handed over.
    var isAtEnd: Bool { offset >= end }

    /// - Parameter version: any other content is not sent.
    init(path: String, version: FileVersion, range: Range<Int>) {
        self.path = path
        self.version = version
        count = range.count
        offset = range.lowerBound
        end = range.upperBound
    }

    struct ReadError: Error {
        let code: CInt
    }

    /// Hands over the next piece, or nil at the end. Does nothing while the last call is under way.
    func read(on eventLoop: any EventLoop, _ body: @escaping (Result<ByteBuffer?, any Error>) -> Void) {
        guard !isReading else { return }
        guard offset < end else { return body(.success(nil)) }
        isReading = true
        let (path, version, offset, known) = (self.path, self.version, self.offset, descriptor)
        let count = min(Self.pieceSize, end - offset)
        let piece = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { () throws -> (Descriptor, ByteBuffer) in
            let descriptor = try known ?? Self.descriptor(of: path, version)
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

    private static func descriptor(of path: String, _ version: FileVersion) throws -> Descriptor {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw ReadError(code: errno) }
        let descriptor = Descriptor(number)
        var info = stat()
        guard fstat(number, &info) == 0 else { throw ReadError(code: errno) }
        // The head has said what comes: the tag of one content must not be sent with another.
        guard FileVersion(info) == version else { throw ReadError(code: ESTALE) }
        return descriptor
    }
}
