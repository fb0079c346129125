import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One HTTP/2 stream: to the ``ClientHandler`` behind it a connection of HTTP/1.1 with one request.
///
/// Flow control is the stream channel's: a window is opened again when what came in it has been read, and the channel
/// is writable while little waits to be sent.
final class HTTP2StreamHandler: ChannelDuplexHandler, IntrusiveSetElement {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTP2Frame.FramePayload

    var setIndex = -1
    private let connection: HTTP2ConnectionHandler
    let id: Int
    private var context: ChannelHandlerContext?
    private var request = HTTP2RequestTranslator()
    private var response = HTTP2ResponseTranslator()
    /// What has come since the last `channelReadComplete`, so that it goes on in one piece.
    private var received = ByteBuffer()
    /// When the end of the answer is out, for who waits for it.
    private var answered: EventLoopFuture<Void>?
    private var isOver = false
    /// There is one stream too many, and nobody hears of this one.
    private var isRefused = false
    /// Bytes of the request that were handed on and that nobody has asked for more after.
    private var held = 0
    /// Frames have come since then.
    private var hasHeld = false

    init(_ connection: HTTP2ConnectionHandler, id: Int) {
        self.connection = connection
        self.id = id
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.streamOpened(self, id: id)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    /// The connection breaks off.
    func abandon() {
        guard !isOver, let context else { return }
        isOver = true
        context.fireChannelInactive()
    }

    /// The client may send the request again (RFC 9113 §8.7).
    func refuse() {
        isRefused = true
        isOver = true
    }

    func channelActive(context: ChannelHandlerContext) {
        guard isRefused else { return context.fireChannelActive() }
        context.writeAndFlush(wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
    }

    private func end() {
        isOver = true
        connection.streamClosed(self)
    }

    // MARK: the request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        do throws(HTTP2RequestTranslator.Malformed) {
            switch unwrapInboundIn(data) {
            case .headers(let frame):
                try request.receive(frame.headers, endsStream: frame.endStream, writingTo: &received)
            case .data(let frame):
                guard case .byteBuffer(let data) = frame.data else { return }
                held += data.readableBytes
                hasHeld = true
                try request.receive(data, endsStream: frame.endStream, writingTo: &received)
            case .priority, .rstStream, .settings, .pushPromise, .ping, .goAway, .windowUpdate, .alternativeService,
                .origin:
                break
            }
        } catch {
            reset(.protocolError)
            connection.streamWasMisused()
        }
    }

    /// The client sent what ended its request after the upstream had got it.
    func wasMisused() { connection.streamWasMisused() }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !isOver else { return }
        if received.readableBytes > 0 {
            let data = received
            received = ByteBuffer()
            context.fireChannelRead(wrapInboundOut(data))
        }
        context.fireChannelReadComplete()
    }

    /// What has been handed on has gone on: who is behind does not read otherwise.
    func read(context: ChannelHandlerContext) {
        if hasHeld {
            let count = held
            held = 0
            hasHeld = false
            connection.frames?.release(id, count)
        }
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let wasOver = isOver
        end()
        // A stream closes while the last bytes of its answer are being written; who writes them is not done yet, and
        // is removed with the stream's channel soon.
        guard !wasOver, !response.isComplete else { return }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A stream that the client or the gateway has reset is inactive in a moment.
        guard context.channel.isActive else { return }
        reset(.internalError)
    }

    // MARK: the answer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let data = unwrapOutboundIn(data)
        guard data.readableBytes > 0 else {
            // Written to learn when everything before it is out.
            if let answered { answered.cascade(to: promise) } else { promise?.succeed() }
            return
        }
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        response.append(data)
        do throws(HTTPError) {
            try writeFrames(context)
            promise?.succeed()
        } catch {
            connection.loop.settings.logger.warning(
                "an answer cannot be sent over HTTP/2", metadata: ["reason": "\(error)", "stream": "\(id)"])
            promise?.fail(error)
            reset(.internalError)
        }
    }

    private func writeFrames(_ context: ChannelHandlerContext) throws(HTTPError) {
        while true {
            let payload: HTTP2Frame.FramePayload
            switch try response.next(request.method) {
            case .head(let headers, let endsStream):
                // The guard writes it; the library needs to know no more of it than that it is there.
                connection.frames?.willWrite(headers, on: id)
                var known = HPACKHeaders()
                known.add(name: ":status", value: headers.first(name: ":status") ?? "", indexing: .nonIndexable)
                payload = .headers(.init(headers: known, endStream: endsStream))
            case .data(let data, let endsStream):
                payload = .data(.init(data: .byteBuffer(data), endStream: endsStream))
            case .needMore:
                return
            }
            var promise: EventLoopPromise<Void>?
            if response.isComplete, response.announcesClose {
                promise = context.eventLoop.makePromise(of: Void.self)
                answered = promise?.futureResult
            }
            context.write(wrapOutboundOut(payload), promise: promise)
        }
    }

    /// Counts from now on what the stream's windows let through.
    func countReleased() { connection.countReleased(id) }

    /// So many bytes since then.
    var releasedBytes: UInt64 { connection.releasedBytes(id) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !response.isComplete {
            // The answer is cut off.
            reset(.internalError)
        } else if !request.isComplete {
            // RFC 9113 §8.1: the client need not send the rest.
            reset(.noError)
        } else if mode != .output {
            // The client does not take the answer.
            reset(.cancel)
        }
        promise?.succeed()
    }

    private func reset(_ code: HTTP2ErrorCode) {
        guard let context, context.channel.isActive else { return }
        context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }
}
