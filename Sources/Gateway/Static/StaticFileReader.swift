import MartletSystem
import NIOCore
import NIOPosix

/// Identifies a version of a file's content, as far as the file system can tell.
struct FileVersion: Sendable, Equatable {
    let size: Int
    /// The time of the last modification, since 1970.
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

/// Reads a large file piece by piece on NIO's thread pool, not on the event loop.
final class StaticFileReader {
    /// The size of a piece, in bytes.
    private static let pieceSize = 64 * 1024

    private final class Descriptor: Sendable {
        let number: CInt
        init(_ number: CInt) { self.number = number }
        deinit { close(number) }
    }

    /// The number of bytes to read.
    let count: Int
    private let path: String
    private let version: FileVersion
    private var offset: Int
    private let end: Int
    private var descriptor: Descriptor?
    private var isReading = false

    /// Whether all pieces were delivered.
    var isAtEnd: Bool { offset >= end }

    /// - Parameter version: the only content that may be sent.
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

    /// Delivers the next piece, or nil at the end. Does nothing while a call is in progress.
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
            // The file was truncated; the announced length cannot be met.
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
        // The head was already sent: its tag must not be combined with other content.
        guard FileVersion(info) == version else { throw ReadError(code: ESTALE) }
        return descriptor
    }
}
