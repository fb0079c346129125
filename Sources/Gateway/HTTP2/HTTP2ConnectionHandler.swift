import NIOCore
import NIOHTTP2

/// A client's connection of HTTP/2, behind swift-nio-http2's handler: knows its streams and when it ends.
final class HTTP2ConnectionHandler: ChannelInboundHandler, HTTP2GuardedConnection, RegistryMember {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let loop: LoopContext
    var registryIndex = -1
    private(set) var deadline: NIODeadline
    private var context: ChannelHandlerContext?
    private var machine = HTTP2ConnectionStateMachine()
    private var streams = Registry<HTTP2StreamHandler>()

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
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func ended() {
        machine.connectionClosed()
        deadline = .distantFuture
    }

    // MARK: streams

    func streamOpened(_ stream: HTTP2StreamHandler, id: Int) {
        streams.add(stream)
        machine.streamOpened(id)
        deadline = .distantFuture
    }

    func streamClosed(_ stream: HTTP2StreamHandler) {
        guard streams.remove(stream) else { return }
        perform(machine.streamClosed())
    }

    // MARK: ends

    func drain() { perform(machine.drain()) }

    func deadlinePassed() {
        deadline = .distantFuture
        perform(machine.deadlinePassed())
    }

    /// The client broke the protocol, and GOAWAY says so.
    func failed() {
        loop.metrics.connectionWasMalformed()
        machine.failed()
        deadline = loop.now + loop.settings.timeouts.linger
        for stream in streams.members { stream.abandon() }
    }

    /// PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED and FRAME_SIZE_ERROR are the client's (RFC 9113 §7); the
    /// gateway resets for other reasons as well.
    func streamWasReset(_ code: UInt32) {
        if code == 1 || code == 3 || code == 5 || code == 6 { loop.metrics.streamWasMalformed() }
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
        case .close:
            close()
        }
    }

    private func writeGoAway(_ lastStream: Int, promise: EventLoopPromise<Void>?) {
        let frame = HTTP2Frame(
            streamID: .rootStream,
            payload: .goAway(lastStreamID: HTTP2StreamID(lastStream), errorCode: .noError, opaqueData: nil))
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }
}
