import NIOCore

/// Tells frames from payload in what swift-nio-http2 writes (RFC 9113 §4.1). Pure.
///
/// It writes a frame in one buffer or, to save a copy of what DATA carries, in two: the header and the payload. What
/// stands in a payload of its own is somebody's content, and is never read as a frame.
struct HTTP2WrittenFrames {
    enum Frame: Equatable {
        /// DATA (RFC 9113 §6.1), with its stream and its length.
        case data(stream: Int, length: Int)
        /// GOAWAY (RFC 9113 §6.8), with its error code.
        case goAway(UInt32)
        /// RST_STREAM (RFC 9113 §6.4), with its error code.
        case reset(UInt32)
        case other
    }

    private static let headerLength = 9
    /// Bytes that are to come before the next frame.
    private var awaited: Int

    /// - Parameter preface: the length of what a client sends before its first frame (RFC 9113 §3.4).
    init(preface: Int = 0) { awaited = preface }

    /// - Parameter bytes: what is written next.
    /// - Returns: the frame that begins with it.
    mutating func next(_ bytes: ByteBuffer) -> Frame {
        let (start, count) = (bytes.readerIndex, bytes.readableBytes)
        guard awaited == 0 else {
            awaited = max(0, awaited - count)
            return .other
        }
        guard count >= Self.headerLength, let head = bytes.getInteger(at: start, as: UInt32.self) else { return .other }
        awaited = max(0, Self.headerLength + Int(head >> 8) - count)
        switch head & 0xFF {
        case 0x00:
            let stream = bytes.getInteger(at: start + 5, as: UInt32.self) ?? 0
            return .data(stream: Int(stream & 0x7FFF_FFFF), length: Int(head >> 8))
        case 0x03: return bytes.getInteger(at: start + 9, as: UInt32.self).map(Frame.reset) ?? .other
        case 0x07: return bytes.getInteger(at: start + 13, as: UInt32.self).map(Frame.goAway) ?? .other
        default: return .other
        }
    }
}
