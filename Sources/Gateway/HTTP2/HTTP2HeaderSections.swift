import NIOCore

/// Assembles a client's header sections (RFC 9113 §4.3) and re-encodes them so that swift-nio-http2 needs no table and
/// loses no bytes (see ``HTTP2Text``). Performs no I/O.
struct HTTP2HeaderSections {
    enum Failure: Error, Equatable {
        /// Another frame within a section, or more padding than payload.
        case malformed
        /// The table is out of sync (RFC 7541 §2.2).
        case undecodable
        /// Larger than announced, or split into too many frames.
        case tooLarge
    }

    /// A complete section.
    struct Section: Equatable {
        let stream: Int
        let endsStream: Bool
        /// The re-encoded frames for swift-nio-http2.
        let frames: ByteBuffer
    }

    private struct Open {
        let header: HTTP2FrameHeader
        let priority: [UInt8]
        var block: ByteBuffer
        var continuations = 0
    }

    private let limit: Int
    private let maximumContinuations: Int
    private var decoder: HeaderBlockDecoder
    private var open: Open?

    /// - Parameter limit: the largest section, as defined in RFC 9113 §6.5.2.
    init(limit: Int) {
        self.limit = limit
        // Enough for the largest section in frames of 16 KiB; clients have no reason to send smaller ones.
        maximumContinuations = max(4, limit / HTTP2FrameReader.largestFrame + 2)
        decoder = HeaderBlockDecoder(limit: limit)
    }

    /// The table, for tests.
    var table: HeaderTable { decoder.table }

    /// Whether only CONTINUATION may follow.
    var isWithinSection: Bool { open != nil }

    /// - Parameter frame: a whole HEADERS or CONTINUATION frame.
    mutating func receive(_ header: HTTP2FrameHeader, _ frame: ByteBuffer) throws(Failure) -> Section? {
        var payload = frame
        payload.moveReaderIndex(forwardBy: min(HTTP2FrameHeader.size, payload.readableBytes))
        var section: Open
        if header.type == HTTP2FrameHeader.Kind.headers {
            guard open == nil else { throw .malformed }
            var padding = 0
            if header.has(HTTP2FrameHeader.Flag.padded) {
                guard let count = payload.readInteger(as: UInt8.self) else { throw .malformed }
                padding = Int(count)
            }
            var priority: [UInt8] = []
            if header.has(HTTP2FrameHeader.Flag.priority) {
                guard let bytes = payload.readBytes(length: 5) else { throw .malformed }
                priority = bytes
            }
            guard padding <= payload.readableBytes,
                let block = payload.readSlice(length: payload.readableBytes - padding)
            else { throw .malformed }
            section = Open(header: header, priority: priority, block: block)
        } else {
            guard let opened = open, opened.header.stream == header.stream else { throw .malformed }
            section = opened
            open = nil
            section.continuations += 1
            section.block.writeImmutableBuffer(payload)
        }
        guard section.continuations <= maximumContinuations, section.block.readableBytes <= limit else {
            throw .tooLarge
        }
        guard header.has(HTTP2FrameHeader.Flag.endHeaders) else {
            open = section
            return nil
        }
        open = nil
        return Section(
            stream: section.header.stream, endsStream: section.header.has(HTTP2FrameHeader.Flag.endStream),
            frames: try frames(section))
    }

    private mutating func frames(_ section: Open) throws(Failure) -> ByteBuffer {
        var fields: [HeaderField] = []
        var failure: HeaderBlockDecoder.Failure?
        section.block.withUnsafeReadableBytes { bytes in
            do throws(HeaderBlockDecoder.Failure) { fields = try decoder.decode(bytes) } catch { failure = error }
        }
        if let failure { throw failure == .tooLarge ? .tooLarge : .undecodable }
        var block = ByteBuffer()
        block.reserveCapacity(1024)
        block.writeBytes(section.priority)
        HeaderBlockEncoder.writePlain(fields, to: &block)
        let flags = section.header.flags & (HTTP2FrameHeader.Flag.endStream | HTTP2FrameHeader.Flag.priority)
        return Self.frames(block, stream: section.header.stream, flags: flags)
    }

    /// HEADERS, followed by as many CONTINUATION frames as the block needs.
    /// - Parameter flags: the flags of HEADERS, without END_HEADERS.
    static func frames(_ block: ByteBuffer, stream: Int, flags: UInt8) -> ByteBuffer {
        var rest = block
        var out = ByteBuffer()
        out.reserveCapacity(block.readableBytes + 64)
        var header = HTTP2FrameHeader(HTTP2FrameHeader.Kind.headers, flags: flags, stream: stream)
        repeat {
            header.length = min(rest.readableBytes, HTTP2FrameReader.largestFrame)
            if header.length == rest.readableBytes { header.flags |= HTTP2FrameHeader.Flag.endHeaders }
            header.write(to: &out)
            if let piece = rest.readSlice(length: header.length) { out.writeImmutableBuffer(piece) }
            header = HTTP2FrameHeader(HTTP2FrameHeader.Kind.continuation, stream: stream)
        } while rest.readableBytes > 0
        return out
    }
}
