import NIOCore

/// Distinguishes frames from payload in what swift-nio-http2 writes (RFC 9113 §4.1). Performs no I/O.
///
/// It writes a frame in one buffer, or, to avoid copying DATA, in two: the header and the payload. A separate payload
/// is content and is never parsed as a frame.
struct HTTP2WrittenFrames {
    enum Frame: Equatable {
        /// DATA (RFC 9113 §6.1).
        case data(stream: Int, length: Int, endsStream: Bool)
        /// HEADERS (RFC 9113 §6.2).
        case headers(stream: Int, endsStream: Bool)
        /// RST_STREAM (RFC 9113 §6.4).
        case reset(stream: Int, code: UInt32)
        /// SETTINGS (RFC 9113 §6.5), except acknowledgements.
        case settings
        /// GOAWAY (RFC 9113 §6.8), with its error code.
        case goAway(UInt32)
        /// WINDOW_UPDATE (RFC 9113 §6.9).
        case windowUpdate(stream: Int)
        case other
    }

    /// Bytes expected before the next frame.
    private var awaited: Int

    /// - Parameter preface: the length of a client's preface (RFC 9113 §3.4).
    init(preface: Int = 0) { awaited = preface }

    /// Whether the next bytes continue a frame.
    var isWithinFrame: Bool { awaited > 0 }

    /// - Parameter bytes: the next bytes written.
    /// - Returns: the frame that starts with them.
    mutating func next(_ bytes: ByteBuffer) -> Frame {
        let count = bytes.readableBytes
        guard awaited == 0 else {
            awaited = max(0, awaited - count)
            return .other
        }
        guard let header = HTTP2FrameHeader(bytes) else { return .other }
        awaited = max(0, HTTP2FrameHeader.size + header.length - count)
        let payload = bytes.readerIndex + HTTP2FrameHeader.size
        let endsStream = header.has(HTTP2FrameHeader.Flag.endStream)
        switch header.type {
        case HTTP2FrameHeader.Kind.data:
            return .data(stream: header.stream, length: header.length, endsStream: endsStream)
        case HTTP2FrameHeader.Kind.headers: return .headers(stream: header.stream, endsStream: endsStream)
        case HTTP2FrameHeader.Kind.reset:
            return bytes.getInteger(at: payload, as: UInt32.self).map { .reset(stream: header.stream, code: $0) }
                ?? .other
        case HTTP2FrameHeader.Kind.settings:
            return header.has(HTTP2FrameHeader.Flag.acknowledgement) ? .other : .settings
        case HTTP2FrameHeader.Kind.goAway:
            return bytes.getInteger(at: payload + 4, as: UInt32.self).map(Frame.goAway) ?? .other
        case HTTP2FrameHeader.Kind.windowUpdate: return .windowUpdate(stream: header.stream)
        default: return .other
        }
    }
}
