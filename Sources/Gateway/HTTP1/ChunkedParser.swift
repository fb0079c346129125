import MartletCore
import NIOCore

/// Parses a chunked body (RFC 9112 §7.1), strictly and in constant memory.
///
/// Extensions and trailers are validated and dropped: a recipient may discard both, and what is not passed on cannot be
/// interpreted in two ways.
struct ChunkedParser: Sendable {
    enum Event: Equatable {
        /// This many bytes at the buffer's reader index are data, which the caller must consume.
        case data(Int)
        case needMore
        case end
    }

    private enum State {
        case sizeStart, size, extensionStart, chunkExtension, sizeLineFeed
        case data, dataCarriageReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed, end
    }

    /// The most digits of a size, so that sizes never overflow.
    static let maximumSizeDigits = 15
    /// The most bytes of all extensions of a body, and of its trailer section.
    static let maximumExtensionBytes = 16_384
    static let maximumTrailerBytes = 8192

    private var state = State.sizeStart
    private var remaining = 0
    private var digits = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    /// Consumes framing from `buffer` up to the next data, the end of the body or the end of the input.
    mutating func next(in buffer: inout ByteBuffer) throws(HTTPError) -> Event {
        if state == .data, buffer.readableBytes > 0 {
            let count = min(remaining, buffer.readableBytes)
            remaining -= count
            if remaining == 0 { state = .dataCarriageReturn }
            return .data(count)
        }
        if state == .end { return .end }
        let (consumed, result) = buffer.withUnsafeReadableBytes { scan($0) }
        buffer.moveReaderIndex(forwardBy: consumed)
        guard try result.get() else { return state == .end ? .end : .needMore }
        return try next(in: &buffer)
    }

    /// - Returns: the number of framing bytes, and whether data follows.
    private mutating func scan(_ bytes: UnsafeRawBufferPointer) -> (Int, Result<Bool, HTTPError>) {
        for (index, byte) in bytes.enumerated() {
            do throws(HTTPError) {
                try step(byte)
            } catch {
                return (index, .failure(error))
            }
            if state == .data { return (index + 1, .success(index + 1 < bytes.count)) }
            if state == .end { return (index + 1, .success(false)) }
        }
        return (bytes.count, .success(false))
    }

    private mutating func step(_ byte: UInt8) throws(HTTPError) {
        switch state {
        case .sizeStart, .size:
            if let digit = Hexadecimal.value(byte) {
                digits += 1
                guard digits <= Self.maximumSizeDigits else { throw .invalidChunk }
                remaining = remaining << 4 | Int(digit)
                state = .size
            } else {
                guard state == .size else { throw .invalidChunk }
                switch byte {
                case ASCII.carriageReturn: state = .sizeLineFeed
                case ASCII.semicolon: state = .chunkExtension
                case ASCII.space, ASCII.tab: state = .extensionStart
                default: throw .invalidChunk
                }
            }
        case .extensionStart:
            // Whitespace is allowed only before the semicolon of an extension.
            try countExtension()
            switch byte {
            case ASCII.semicolon: state = .chunkExtension
            case ASCII.space, ASCII.tab: break
            default: throw .invalidChunk
            }
        case .chunkExtension:
            try countExtension()
            if byte == ASCII.carriageReturn {
                state = .sizeLineFeed
            } else {
                guard byte >= ASCII.space && byte != 0x7F || byte == ASCII.tab else { throw .invalidChunk }
            }
        case .sizeLineFeed:
            guard byte == ASCII.lineFeed else { throw .invalidChunk }
            digits = 0
            state = remaining > 0 ? .data : .trailerStart
        case .data:
            break
        case .dataCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .invalidChunk }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ASCII.lineFeed else { throw .invalidChunk }
            state = .sizeStart
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .endLineFeed, .end:
            try stepTrailer(byte)
        }
    }

    private mutating func stepTrailer(_ byte: UInt8) throws(HTTPError) {
        trailerBytes += 1
        guard trailerBytes <= Self.maximumTrailerBytes else { throw .invalidTrailer }
        switch state {
        case .trailerStart where byte == ASCII.carriageReturn:
            state = .endLineFeed
        case .trailerStart:
            guard ASCIISet.token.contains(byte) else { throw .invalidTrailer }
            state = .trailerName
        case .trailerName:
            if byte == ASCII.colon {
                state = .trailerValue
            } else {
                guard ASCIISet.token.contains(byte) else { throw .invalidTrailer }
            }
        case .trailerValue:
            if byte == ASCII.carriageReturn {
                state = .trailerLineFeed
            } else {
                guard byte >= ASCII.space && byte != 0x7F || byte == ASCII.tab else { throw .invalidTrailer }
            }
        case .trailerLineFeed:
            guard byte == ASCII.lineFeed else { throw .invalidTrailer }
            state = .trailerStart
        default:
            guard byte == ASCII.lineFeed else { throw .invalidTrailer }
            state = .end
        }
    }

    private mutating func countExtension() throws(HTTPError) {
        extensionBytes += 1
        guard extensionBytes <= Self.maximumExtensionBytes else { throw .invalidChunk }
    }
}
