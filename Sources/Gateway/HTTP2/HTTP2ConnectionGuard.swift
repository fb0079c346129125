import NIOCore

/// Stands before swift-nio-http2's handler and ends the connection when that one says GOAWAY for an error
/// (RFC 9113 §5.4.1), and counts what it refuses. The errors that it raises do not tell those of a stream from those of
/// the connection; its frames do.
final class HTTP2ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: HTTP2ConnectionHandler
    private var hasFailed = false

    init(_ connection: HTTP2ConnectionHandler) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What still comes is read so that closing does not reset the connection, which could take the GOAWAY with it.
        if !hasFailed { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = unwrapOutboundIn(data)
        if Self.isResetForMalformed(frame) { connection.loop.metrics.streamWasMalformed() }
        guard !hasFailed, Self.isGoAwayForError(frame) else { return context.write(data, promise: promise) }
        hasFailed = true
        let flushed = promise ?? context.eventLoop.makePromise(of: Void.self)
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        flushed.futureResult.whenComplete { _ in box.value.close(mode: .output, promise: nil) }
        context.write(data, promise: flushed)
        context.flush()
        connection.failed()
    }

    /// Of the socket or of TLS.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// A frame is written in one buffer, or in two of which this is the first (RFC 9113 §4.1, §6.8).
    private static func isGoAwayForError(_ bytes: ByteBuffer) -> Bool {
        let start = bytes.readerIndex
        guard bytes.readableBytes >= 17, bytes.getInteger(at: start + 3, as: UInt8.self) == 0x07 else { return false }
        return bytes.getInteger(at: start + 13, as: UInt32.self) != 0
    }

    /// RST_STREAM (RFC 9113 §6.4) with PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED or FRAME_SIZE_ERROR: the gateway
    /// resets for other reasons as well.
    private static func isResetForMalformed(_ bytes: ByteBuffer) -> Bool {
        let start = bytes.readerIndex
        guard bytes.readableBytes == 13, bytes.getInteger(at: start + 3, as: UInt8.self) == 0x03 else { return false }
        return [1, 3, 5, 6].contains(bytes.getInteger(at: start + 9, as: UInt32.self))
    }
}
