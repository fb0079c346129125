import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call on a connection to a gRPC server: sends its message and passes the response to the client's handler, on the
/// same event loop and no faster than the client reads.
final class GRPCStreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// Why there is no response.
    enum Failure {
        /// The server has not processed the call, so it may be sent again.
        case unprocessed
        /// The stream or its connection ended.
        case broken
        /// The server violated the protocol.
        case invalid
    }

    private let call: GRPCCall
    private let headers: HPACKHeaders
    private let connection: GRPCConnection
    private var machine: GRPCResponseStateMachine
    private var context: ChannelHandlerContext?
    private var isReadRequested = false
    private var isRefused = false
    private var isCounted = true
    private var isClosed = false
    let started: NIODeadline

    init(_ call: GRPCCall, headers: HPACKHeaders, connection: GRPCConnection, now: NIODeadline) {
        self.call = call
        self.headers = headers
        self.connection = connection
        started = now
        machine = GRPCResponseStateMachine(maximumMessage: call.route.maximumMessage)
    }

    /// Ends the call. No more events follow.
    func close() {
        isClosed = true
        if !machine.hasEnded { connection.callAbandoned(since: started) }
        machine.closed()
        context?.close(promise: nil)
    }

    /// The stream could not be opened.
    func openFailed() {
        ended()
        fail(.unprocessed)
    }

    // MARK: the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        ended()
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !isClosed else { return context.close(promise: nil) }
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        context.writeAndFlush(
            wrapOutboundOut(.data(.init(data: .byteBuffer(call.message), endStream: true))), promise: nil)
        updateReading()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.receivedData()
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            handle(machine.headersReceived(frame.headers, isEnd: frame.endStream))
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            handle(machine.dataReceived(bytes, isEnd: frame.endStream))
            readMessages()
        default:
            break
        }
    }

    private func readMessages() {
        do throws(GRPCMessageReader.Failure) {
            while let client = call.client, let message = try machine.nextMessage() { client.callMessage(message) }
        } catch {
            machine.closed()
            fail(.invalid)
        }
    }

    private func handle(_ event: GRPCResponseStateMachine.Event) {
        guard let client = call.client else { return }
        switch event {
        case .started(let headers): client.callStarted(headers)
        case .ended(let status, let trailers):
            call.stream = nil
            call.client = nil
            client.callEnded(status, trailers)
        case .invalid: fail(.invalid)
        case .none: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadRequested = false
        call.client?.flush()
        updateReading()
    }

    /// Reads more unless the client is too slow for what was read.
    func updateReading() {
        guard !isReadRequested, let context, call.client?.isWritable ?? true else { return }
        isReadRequested = true
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? NIOHTTP2Errors.StreamClosed, error.errorCode == .refusedStream { isRefused = true }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        if !machine.hasEnded { fail(isRefused ? .unprocessed : .broken) }
    }

    private func fail(_ failure: Failure) {
        machine.closed()
        let client = call.client
        call.client = nil
        call.stream = nil
        context?.close(promise: nil)
        client?.callFailed(failure)
    }

    /// Frees the call's slot on the connection.
    private func ended() {
        guard isCounted else { return }
        isCounted = false
        connection.callEnded()
    }
}
