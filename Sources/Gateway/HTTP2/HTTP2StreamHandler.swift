import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One HTTP/2 stream, presented to its ``ClientHandler`` as an HTTP/1.1 connection with a single request.
///
/// The stream channel provides flow control: a window reopens once its data has been read, and the channel is writable
/// while little output is pending.
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
    /// Bytes since the last `channelReadComplete`, passed on in one piece.
    private var received = ByteBuffer()
    /// Completes when the end of the response is written.
    private var answered: EventLoopFuture<Void>?
    private var isOver = false
    /// The stream exceeds the limit; the ``ClientHandler`` never sees it.
    private var isRefused = false
    /// Bytes of the request passed on since the last `read`.
    private var held = 0
    /// Whether frames arrived since then.
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

    /// The connection failed.
    func abandon() {
        guard !isOver, let context else { return }
        isOver = true
        context.fireChannelInactive()
    }

    /// Refuses the stream, so that the client may repeat the request (RFC 9113 §8.7).
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
            connection.reportStreamMisuse()
        }
    }

    /// The client violated the protocol after its request had reached the upstream.
    func reportMisuse() { connection.reportStreamMisuse() }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !isOver else { return }
        if received.readableBytes > 0 {
            let data = received
            received = ByteBuffer()
            context.fireChannelRead(wrapInboundOut(data))
        }
        context.fireChannelReadComplete()
    }

    /// The next handler reads only after it has passed on what it got, so the window can reopen.
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
        // A stream closes while the end of its response is being written. The handler that writes it is still busy, and
        // is removed with the channel.
        guard !wasOver, !response.isComplete else { return }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // After a reset by either side, the stream becomes inactive soon.
        guard context.channel.isActive else { return }
        reset(.internalError)
    }

    // MARK: the response

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let data = unwrapOutboundIn(data)
        guard data.readableBytes > 0 else {
            // An empty write asks to be notified when everything before it is written.
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
                "a response cannot be sent over HTTP/2", metadata: ["reason": "\(error)", "stream": "\(id)"])
            promise?.fail(error)
            reset(.internalError)
        }
    }

    private func writeFrames(_ context: ChannelHandlerContext) throws(HTTPError) {
        while true {
            let payload: HTTP2Frame.FramePayload
            switch try response.next(request.method) {
            case .head(let headers, let endsStream):
                // The guard replaces this frame; the library only needs to know that there is a head.
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

    /// Starts counting what the stream's windows release.
    func countReleased() { connection.countReleased(id) }

    /// The bytes released since then.
    var releasedBytes: UInt64 { connection.releasedBytes(id) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !response.isComplete {
            // The response is truncated.
            reset(.internalError)
        } else if !request.isComplete {
            // RFC 9113 §8.1: the client need not send the rest.
            reset(.noError)
        } else if mode != .output {
            // The client does not read the response.
            reset(.cancel)
        }
        promise?.succeed()
    }

    private func reset(_ code: HTTP2ErrorCode) {
        guard let context, context.channel.isActive else { return }
        context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }
}
