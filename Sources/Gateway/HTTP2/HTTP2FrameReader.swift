import NIOCore

/// The header of a frame (RFC 9113 §4.1).
struct HTTP2FrameHeader: Equatable, Sendable {
    static let size = 9

    enum Kind {
        static let data: UInt8 = 0, headers: UInt8 = 1, reset: UInt8 = 3, settings: UInt8 = 4
        static let goAway: UInt8 = 7, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    }

    enum Flag {
        /// For DATA and HEADERS.
        static let endStream: UInt8 = 1
        /// For SETTINGS.
        static let acknowledgement: UInt8 = 1
        static let endHeaders: UInt8 = 4
        static let padded: UInt8 = 8
        static let priority: UInt8 = 0x20
    }

    var length: Int
    var type: UInt8
    var flags: UInt8
    var stream: Int

    init(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, length: Int = 0) {
        self.length = length
        self.type = type
        self.flags = flags
        self.stream = stream
    }

    /// - Returns: nil when there are too few bytes.
    init?(_ bytes: ByteBuffer) {
        let start = bytes.readerIndex
        guard let head = bytes.getInteger(at: start, as: UInt32.self),
            let flags = bytes.getInteger(at: start + 4, as: UInt8.self),
            let stream = bytes.getInteger(at: start + 5, as: UInt32.self), bytes.readableBytes >= Self.size
        else { return nil }
        self.init(
            UInt8(truncatingIfNeeded: head), flags: flags, stream: Int(stream & 0x7FFF_FFFF), length: Int(head >> 8))
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    func write(to out: inout ByteBuffer) {
        out.writeInteger(UInt32(truncatingIfNeeded: length) << 8 | UInt32(type))
        out.writeInteger(flags)
        out.writeInteger(UInt32(truncatingIfNeeded: stream))
    }

    /// The frame with this payload, as bytes.
    func bytes(_ payload: [UInt8] = []) -> ByteBuffer {
        var out = ByteBuffer()
        var header = self
        header.length = payload.count
        header.write(to: &out)
        out.writeBytes(payload)
        return out
    }
}

/// Splits the peer's bytes into frames. Frames that the gateway handles are returned whole, DATA is announced, and
/// everything else is passed through as it arrives. Performs no I/O.
struct HTTP2FrameReader {
    enum Piece: Equatable {
        /// Bytes to pass through.
        case raw(ByteBuffer)
        /// The start of a DATA frame with the payload received so far; `padding` includes the length byte.
        case data(HTTP2FrameHeader, padding: Int, start: ByteBuffer)
        /// A whole frame.
        case frame(HTTP2FrameHeader, ByteBuffer)
    }

    /// The largest payload of a frame unless announced otherwise (RFC 9113 §4.2); the gateway announces no other.
    static let largestFrame = 16_384

    private let isServer: Bool
    private(set) var pending = ByteBuffer()
    /// Bytes to pass through before the next frame starts.
    private var passing: Int

    /// - Parameter isServer: whether the peer is a client, which starts with the preface (RFC 9113 §3.4).
    init(isServer: Bool) {
        self.isServer = isServer
        passing = isServer ? HTTP2Pipeline.preface.count : 0
    }

    mutating func append(_ bytes: ByteBuffer) { pending.append(received: bytes) }

    mutating func next() -> Piece? {
        if passing > 0 {
            guard pending.readableBytes > 0, let bytes = pending.readSlice(length: min(passing, pending.readableBytes))
            else { return nil }
            passing -= bytes.readableBytes
            return .raw(bytes)
        }
        guard let header = HTTP2FrameHeader(pending) else { return nil }
        let isLooked =
            switch header.type {
            case HTTP2FrameHeader.Kind.settings: true
            case HTTP2FrameHeader.Kind.headers, HTTP2FrameHeader.Kind.continuation, HTTP2FrameHeader.Kind.reset:
                isServer
            default: false
            }
        if isLooked, header.length <= Self.largestFrame {
            return pending.readSlice(length: HTTP2FrameHeader.size + header.length).map { .frame(header, $0) }
        }
        var start = HTTP2FrameHeader.size
        var padding = 0
        let isData = isServer && header.type == HTTP2FrameHeader.Kind.data
        if isData, header.has(HTTP2FrameHeader.Flag.padded), header.length > 0 {
            guard let count = pending.getInteger(at: pending.readerIndex + start, as: UInt8.self) else { return nil }
            padding = min(header.length, 1 + Int(count))
            start += 1
        }
        // A separate buffer for each part would cost more than small frames carry.
        if isData { start = max(start, min(HTTP2FrameHeader.size + header.length, pending.readableBytes)) }
        guard let bytes = pending.readSlice(length: start) else { return nil }
        passing = HTTP2FrameHeader.size + header.length - start
        return isData ? .data(header, padding: padding, start: bytes) : .raw(bytes)
    }
}
