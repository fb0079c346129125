import NIOCore
import NIOHPACK

/// The connection that an ``HTTP2ConnectionGuard`` belongs to.
protocol HTTP2GuardedConnection: AnyObject {
    /// A GOAWAY with a connection error was sent, and nothing more is read.
    func failed()

    /// A DATA or RST_STREAM frame was written.
    func wrote(_ frame: HTTP2WrittenFrames.Frame)
}

/// Sits between the socket and swift-nio-http2's handler to supply what that handler lacks.
///
/// - Closes the connection after a GOAWAY with an error (RFC 9113 §5.4.1). The handler's errors do not distinguish
///   stream errors from connection errors; its frames do.
/// - Keeps the handler's encoder table small, and encodes and decodes clients' header sections itself: as bytes, with a
///   bounded table and any number of frames.
/// - Manages the receive window of a client connection, and detects streams beyond the limit (RFC 9113 §5.1.2).
final class HTTP2ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum ErrorCode {
        static let protocolError: UInt32 = 1, flowControl: UInt32 = 3, compression: UInt32 = 9
        static let enhanceYourCalm: UInt32 = 11
    }

    private let connection: any HTTP2GuardedConnection
    private var context: ChannelHandlerContext?
    private var reader: HTTP2FrameReader
    private var frames: HTTP2WrittenFrames
    private var hasFailed = false
    /// The state of a client connection, where the gateway is the server.
    private var server: Server?
    /// The guard's own frames, waiting for the end of another frame.
    private var waiting = ByteBuffer()

    /// The gateway's side of a client connection.
    private struct Server {
        let announcement: HTTP2SettingsFrame.Announcement
        let budget: HTTP2ReceiveBudget
        var sections: HTTP2HeaderSections
        var encoder = HeaderBlockEncoder()
        var window = HTTP2ReceiveWindow()
        var streams = HTTP2OpenStreams()
        /// Response heads by stream, until swift-nio-http2 writes the frames that they replace.
        var heads: [Int: [HPACKHeaders]] = [:]
        var preface = HTTP2Pipeline.preface[...]
        var hasSettings = false
        var hasAcknowledged = false
        var lastStream = 0
        /// The stream whose HEADERS are being passed on.
        var opening: (stream: Int, endsStream: Bool)?

        /// Windows count payload, but even a one-byte frame costs several hundred bytes of memory. So at most as many
        /// frames may be held as 64-byte frames fit into a window.
        var holdsTooManyFrames: Bool { streams.heldFrames > HTTP2ReceiveWindow.largest / 64 }
    }

    /// For a connection to a server.
    init(_ connection: any HTTP2GuardedConnection) {
        self.connection = connection
        reader = HTTP2FrameReader(isServer: false)
        frames = HTTP2WrittenFrames(preface: HTTP2Pipeline.preface.count)
    }

    /// For a client connection.
    init(
        _ connection: any HTTP2GuardedConnection, announcing announcement: HTTP2SettingsFrame.Announcement,
        budget: HTTP2ReceiveBudget
    ) {
        self.connection = connection
        reader = HTTP2FrameReader(isServer: true)
        frames = HTTP2WrittenFrames()
        server = Server(
            announcement: announcement, budget: budget, sections: HTTP2HeaderSections(limit: announcement.headerList))
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        server?.budget.change(from: server?.window, to: nil)
        server = nil
    }

    // MARK: inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Later input is read and dropped: closing now could reset the connection and lose the GOAWAY.
        guard !hasFailed else { return }
        reader.append(unwrapInboundIn(data))
        // Frames are passed on together: swift-nio-http2 copies its buffer for each part it receives while an earlier
        // frame is held, so single bytes could each hold as much as the largest frame.
        var passed = context.channel.allocator.buffer(capacity: reader.pending.readableBytes)
        func pass() {
            guard passed.readableBytes > 0 else { return }
            let bytes = passed
            passed = ByteBuffer()
            context.fireChannelRead(wrapInboundOut(bytes))
        }
        while !hasFailed, let piece = reader.next() {
            switch piece {
            case .raw(let bytes):
                guard isPreface(bytes) else { return fail(ErrorCode.protocolError) }
                guard server?.sections.isWithinSection != true else { return fail(ErrorCode.protocolError) }
                passed.writeImmutableBuffer(bytes)
            case .data(let header, let padding, let start):
                guard server?.sections.isWithinSection != true else { return fail(ErrorCode.protocolError) }
                guard dataArrived(header, padding: padding) else { return fail(ErrorCode.flowControl) }
                guard server?.holdsTooManyFrames != true else { return fail(ErrorCode.enhanceYourCalm) }
                passed.writeImmutableBuffer(start)
                if header.has(HTTP2FrameHeader.Flag.endStream) {
                    give(server?.streams.clientEnded(header.stream) ?? 0)
                }
            case .frame(let header, let frame):
                pass()
                receive(header, frame, context)
            }
        }
        if !hasFailed { pass() }
    }

    /// Validates the preface as it arrives, so that a client that agreed on HTTP/2 but speaks something else gets an
    /// error.
    private func isPreface(_ bytes: ByteBuffer) -> Bool {
        guard let rest = server?.preface, !rest.isEmpty else { return true }
        guard rest.starts(with: bytes.readableBytesView.prefix(rest.count)) else { return false }
        server?.preface = rest.dropFirst(bytes.readableBytes)
        return true
    }

    private func receive(_ header: HTTP2FrameHeader, _ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        var frame = frame
        switch header.type {
        case HTTP2FrameHeader.Kind.settings:
            guard server?.sections.isWithinSection != true else { return fail(ErrorCode.protocolError) }
            guard header.length <= 6 * HTTP2SettingsFrame.mostInFrame else { return fail(ErrorCode.enhanceYourCalm) }
            if header.has(HTTP2FrameHeader.Flag.acknowledgement) {
                // swift-nio-http2 already got the first one, see below.
                if server?.hasSettings == true, server?.hasAcknowledged == false {
                    server?.hasAcknowledged = true
                    return
                }
            } else {
                for limit in HTTP2SettingsFrame.clampTable(in: &frame) { server?.encoder.setLimit(limit) }
            }
            context.fireChannelRead(wrapInboundOut(frame))
            guard server?.hasSettings == false, !header.has(HTTP2FrameHeader.Flag.acknowledgement) else { return }
            server?.hasSettings = true
            // Until its settings are acknowledged, swift-nio-http2 applies limits that are not the gateway's.
            let acknowledgement = HTTP2FrameHeader(
                HTTP2FrameHeader.Kind.settings, flags: HTTP2FrameHeader.Flag.acknowledgement)
            context.fireChannelRead(wrapInboundOut(acknowledgement.bytes()))
        case HTTP2FrameHeader.Kind.reset:
            guard server?.sections.isWithinSection != true else { return fail(ErrorCode.protocolError) }
            context.fireChannelRead(wrapInboundOut(frame))
            give(server?.streams.close(header.stream) ?? 0)
        default:
            receiveHeaders(header, frame, context)
        }
    }

    private func receiveHeaders(_ header: HTTP2FrameHeader, _ frame: ByteBuffer, _ context: ChannelHandlerContext) {
        let section: HTTP2HeaderSections.Section?
        do throws(HTTP2HeaderSections.Failure) {
            section = try server?.sections.receive(header, frame)
        } catch {
            switch error {
            case .malformed: fail(ErrorCode.protocolError)
            case .undecodable: fail(ErrorCode.compression)
            case .tooLarge: fail(ErrorCode.enhanceYourCalm)
            }
            return
        }
        guard let section else { return }
        let isNew = section.stream > server?.lastStream ?? 0
        if isNew {
            server?.lastStream = section.stream
            server?.opening = (section.stream, section.endsStream)
        }
        context.fireChannelRead(wrapInboundOut(section.frames))
        server?.opening = nil
        if isNew {
            // More streams with a body need more room in the window.
            if !section.endsStream { refill() }
        } else if section.endsStream {
            give(server?.streams.clientEnded(section.stream) ?? 0)
        }
    }

    // MARK: windows

    /// - Returns: whether the client was allowed to send this much.
    private func dataArrived(_ header: HTTP2FrameHeader, padding: Int) -> Bool {
        guard server != nil else { return true }
        guard server?.window.received(header.length) == true else { return false }
        let content = header.length - padding
        let isOpen = server?.streams.received(header.stream, content) ?? false
        give(isOpen ? padding : header.length)
        return true
    }

    /// An upstream has taken data of a stream.
    func release(_ stream: Int, _ count: Int) { give(server?.streams.released(stream, count) ?? 0) }

    private func give(_ count: Int) {
        guard count > 0, let before = server?.window else { return }
        server?.window.released(count)
        server?.budget.change(from: before, to: server?.window)
        refill()
    }

    private func refill() {
        guard let before = server?.window, let target = server?.budget.target(before), let context, !hasFailed,
            let increment = server?.window.refill(to: target)
        else { return }
        server?.budget.change(from: before, to: server?.window)
        let value = withUnsafeBytes(of: UInt32(truncatingIfNeeded: increment).bigEndian, Array.init)
        waiting.writeImmutableBuffer(HTTP2FrameHeader(HTTP2FrameHeader.Kind.windowUpdate).bytes(value))
        writeWaiting(context)
        context.flush()
    }

    private func writeWaiting(_ context: ChannelHandlerContext) {
        guard waiting.readableBytes > 0, !frames.isWithinFrame else { return }
        let bytes = waiting
        waiting = ByteBuffer()
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: streams

    /// Registers the stream whose HEADERS have just arrived.
    /// - Returns: whether it exceeds the announced limit.
    func opened(_ stream: Int) -> Bool {
        guard let opening = server?.opening, opening.stream == stream, let limit = server?.announcement.streams,
            let count = server?.streams.count
        else { return false }
        server?.streams.open(stream, endsStream: opening.endsStream)
        return count >= limit
    }

    /// Whether the client has acknowledged the announced settings.
    var clientHasAcknowledged: Bool { server?.hasAcknowledged ?? false }

    func closed(_ stream: Int) {
        server?.heads[stream] = nil
        give(server?.streams.close(stream) ?? 0)
    }

    /// Sets the head that replaces the next HEADERS frame written on a stream.
    func willWrite(_ head: HPACKHeaders, on stream: Int) { server?.heads[stream, default: []].append(head) }

    // MARK: outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        let frame = frames.next(bytes)
        switch frame {
        case .goAway(let code) where code != 0 && !hasFailed:
            writeLast(bytes, promise, context)
        case .headers(let stream, let endsStream):
            context.write(wrapOutboundOut(head(of: stream, endsStream: endsStream) ?? bytes), promise: promise)
            if endsStream { give(server?.streams.gatewayEnded(stream) ?? 0) }
        case .data(let stream, _, let endsStream):
            connection.wrote(frame)
            context.write(data, promise: promise)
            if endsStream { give(server?.streams.gatewayEnded(stream) ?? 0) }
        case .reset(let stream, _):
            connection.wrote(frame)
            context.write(data, promise: promise)
            give(server?.streams.close(stream) ?? 0)
        case .settings where server != nil:
            let announced = server.map { HTTP2SettingsFrame.announce($0.announcement, in: bytes) } ?? bytes
            context.write(wrapOutboundOut(announced), promise: promise)
        case .windowUpdate(stream: 0) where server != nil:
            // The connection's window is managed here.
            promise?.succeed()
        case .goAway, .settings, .windowUpdate, .other:
            context.write(data, promise: promise)
        }
        writeWaiting(context)
    }

    /// The frames of a response head.
    private func head(of stream: Int, endsStream: Bool) -> ByteBuffer? {
        guard var heads = server?.heads.removeValue(forKey: stream), !heads.isEmpty else { return nil }
        let headers = heads.removeFirst()
        if !heads.isEmpty { server?.heads[stream] = heads }
        var block = ByteBuffer()
        server?.encoder.encode(headers, to: &block)
        return HTTP2HeaderSections.frames(
            block, stream: stream, flags: endsStream ? HTTP2FrameHeader.Flag.endStream : 0)
    }

    // MARK: ends

    /// The peer violated the protocol in a way that swift-nio-http2 does not see.
    private func fail(_ code: UInt32) {
        guard !hasFailed, let context else { return }
        var payload: [UInt8] = []
        for part in [UInt32(truncatingIfNeeded: server?.lastStream ?? 0), code] {
            payload += withUnsafeBytes(of: part.bigEndian, Array.init)
        }
        writeLast(HTTP2FrameHeader(HTTP2FrameHeader.Kind.goAway).bytes(payload), nil, context)
    }

    private func writeLast(_ goAway: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        hasFailed = true
        let flushed = promise ?? context.eventLoop.makePromise(of: Void.self)
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        flushed.futureResult.whenComplete { _ in box.value.close(mode: .output, promise: nil) }
        context.write(wrapOutboundOut(goAway), promise: flushed)
        context.flush()
        connection.failed()
    }

    /// An error of the socket or of TLS.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
