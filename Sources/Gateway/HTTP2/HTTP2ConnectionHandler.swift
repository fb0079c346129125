import NIOCore
import NIOHTTP2

/// A client's connection of HTTP/2, behind swift-nio-http2's handler: knows its streams and when it ends.
final class HTTP2ConnectionHandler: ChannelInboundHandler, HTTP2GuardedConnection, IntrusiveSetElement {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let loop: LoopContext
    var setIndex = -1
    private(set) var deadline: NIODeadline
    private var context: ChannelHandlerContext?
    private var machine = HTTP2ConnectionStateMachine()
    private var streams = IntrusiveSet<HTTP2StreamHandler>()
    /// What stands between the socket and swift-nio-http2.
    weak var frames: HTTP2ConnectionGuard?
    /// Streams that were refused before the client knew how many there may be.
    private var refusedEarly = 0
    /// Most of them.
    private static let maximumRefusedEarly = 1000
    /// The client sends nothing more.
    private var isInputClosed = false
    /// Bytes of DATA by stream, of those alone that are waited for.
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

    /// Frames of the connection itself, which the library has answered.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    /// Of a stream, which has been reset, or of the connection: ``HTTP2ConnectionGuard`` sees to that.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { streamWasMisused() }

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
                streamWasMisused()
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

    /// The client has made the gateway reset a stream, whose request the upstream may know.
    func streamWasMisused() { perform(machine.streamMisused(at: loop.now)) }

    func wrote(_ frame: HTTP2WrittenFrames.Frame) {
        switch frame {
        case .data(let stream, let length, _):
            if !released.isEmpty { released[stream]? += UInt64(length) }
        case .reset(_, let code):
            // PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED and FRAME_SIZE_ERROR are the client's (RFC 9113 §7).
            if code == 1 || code == 3 || code == 5 || code == 6 { loop.metrics.streamWasMalformed() }
        case .headers, .settings, .goAway, .windowUpdate, .other: break
        }
    }

    /// Counts from now on what the windows let through of a stream whose client is slow to take it.
    func countReleased(_ stream: Int) {
        if released[stream] == nil { released[stream] = 0 }
    }

    func releasedBytes(_ stream: Int) -> UInt64 { released[stream] ?? 0 }

    // MARK: ends

    func drain() { perform(machine.drain()) }

    /// The client has closed its side. Streams that are open are answered as far as their windows let it be, for as
    /// long as a half-closed connection of HTTP/1.1 is.
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

    /// The client broke the protocol, and GOAWAY says so.
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
            // It may wait behind what the client does not read.
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
