import NIOCore
import NIOHTTP2

/// A client's HTTP/2 connection, behind swift-nio-http2's handler: tracks its streams and its end.
final class HTTP2ConnectionHandler: ChannelInboundHandler, HTTP2GuardedConnection, IntrusiveSetElement {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let loop: LoopContext
    var setIndex = -1
    private(set) var deadline: NIODeadline
    private var context: ChannelHandlerContext?
    private var machine = HTTP2ConnectionStateMachine()
    private var streams = IntrusiveSet<HTTP2StreamHandler>()
    /// The guard between the socket and swift-nio-http2.
    weak var frames: HTTP2ConnectionGuard?
    /// The streams refused before the client acknowledged the limit.
    private var refusedEarly = 0
    /// The most such streams before they count as misuse.
    private static let maximumRefusedEarly = 1000
    /// Whether the client has closed its side.
    private var isInputClosed = false
    /// Bytes of DATA written by stream, only for streams waiting on a slow client.
    private var released: [Int: UInt64] = [:]

    init(_ loop: LoopContext) {
        self.loop = loop
        deadline = loop.now + loop.settings.timeouts.requestHead
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        ended()
        loop.remove(self)
    }

    func channelInactive(context: ChannelHandlerContext) { ended() }

    /// Connection frames, which the library has already handled.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    /// A stream error, whose stream has been reset, or a connection error, which ``HTTP2ConnectionGuard`` handles.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { reportStreamMisuse() }

    private func ended() {
        machine.connectionClosed()
        deadline = .distantFuture
    }

    // MARK: streams

    func streamOpened(_ stream: HTTP2StreamHandler, id: Int) {
        guard !machine.hasFailed else { return stream.abandon() }
        guard frames?.opened(id) != true else {
            stream.refuse()
            if frames?.clientHasAcknowledged == true || refusedEarly >= Self.maximumRefusedEarly {
                reportStreamMisuse()
            } else {
                refusedEarly += 1
            }
            return
        }
        streams.add(stream)
        machine.streamOpened(id)
        deadline = .distantFuture
    }

    func streamClosed(_ stream: HTTP2StreamHandler) {
        if !released.isEmpty { released[stream.id] = nil }
        frames?.closed(stream.id)
        guard streams.remove(stream) else { return }
        perform(machine.streamClosed())
    }

    /// The client caused the gateway to reset a stream whose request the upstream may already have.
    func reportStreamMisuse() { perform(machine.streamMisused(at: loop.now)) }

    func wrote(_ frame: HTTP2WrittenFrames.Frame) {
        switch frame {
        case .data(let stream, let length, _):
            if !released.isEmpty { released[stream]? += UInt64(length) }
        case .reset(_, let code):
            // PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED and FRAME_SIZE_ERROR are the client's fault (RFC 9113
            // §7).
            if code == 1 || code == 3 || code == 5 || code == 6 { loop.metrics.streamWasMalformed() }
        case .headers, .settings, .goAway, .windowUpdate, .other: break
        }
    }

    /// Starts counting what the windows release on a stream whose client reads slowly.
    func countReleased(_ stream: Int) {
        if released[stream] == nil { released[stream] = 0 }
    }

    func releasedBytes(_ stream: Int) -> UInt64 { released[stream] ?? 0 }

    // MARK: ends

    func drain() { perform(machine.drain()) }

    /// The client has closed its side. Open streams are still answered as far as their windows permit, for as long as
    /// on a half-closed HTTP/1.1 connection.
    private func inputClosed() {
        guard !isInputClosed else { return }
        isInputClosed = true
        drain()
        guard !machine.isIdle else { return close() }
        deadline = loop.now + loop.settings.timeouts.halfClosed
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { return inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    func deadlinePassed() {
        deadline = .distantFuture
        if isInputClosed, !machine.isIdle { return close() }
        perform(machine.deadlinePassed())
    }

    /// The client violated the protocol; the GOAWAY was sent.
    func failed() {
        guard machine.failed() else { return }
        loop.metrics.connectionWasMalformed()
        deadline = loop.now + loop.settings.timeouts.linger
        for stream in streams.members { stream.abandon() }
    }

    func close() { context?.close(promise: nil) }

    private func perform(_ action: HTTP2ConnectionStateMachine.Action) {
        let timeouts = loop.settings.timeouts
        switch action {
        case .none:
            break
        case .awaitRequest:
            deadline = loop.now + timeouts.keepAlive
        case .leave(let lastStream):
            writeGoAway(lastStream, promise: nil)
            if machine.isIdle { deadline = loop.now + timeouts.drainIdle }
        case .awaitClose:
            deadline = loop.now + timeouts.drainIdle
        case .closeAfterFlush(let lastStream):
            guard let context else { return }
            deadline = loop.now + timeouts.responseWrite
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.close() }
            writeGoAway(lastStream, promise: promise)
        case .refuse(let lastStream):
            writeGoAway(lastStream, .enhanceYourCalm, promise: nil)
            // The GOAWAY may be queued behind data that the client does not read.
            failed()
        case .close:
            close()
        }
    }

    private func writeGoAway(
        _ lastStream: Int, _ code: HTTP2ErrorCode = .noError, promise: EventLoopPromise<Void>?
    ) {
        let frame = HTTP2Frame(
            streamID: .rootStream,
            payload: .goAway(lastStreamID: HTTP2StreamID(lastStream), errorCode: code, opaqueData: nil))
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }
}
