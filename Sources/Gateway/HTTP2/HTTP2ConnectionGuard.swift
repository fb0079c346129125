import NIOCore

/// Whose connection an ``HTTP2ConnectionGuard`` watches.
protocol HTTP2GuardedConnection: AnyObject {
    /// GOAWAY has told the other side of an error of the connection, and nothing more is read.
    func failed()

    /// Another frame has been written: DATA or RST_STREAM.
    func wrote(_ frame: HTTP2WrittenFrames.Frame)
}

/// Stands before swift-nio-http2's handler and ends the connection when that one says GOAWAY for an error
/// (RFC 9113 §5.4.1). The errors that it raises do not tell those of a stream from those of the connection; its frames
/// do.
final class HTTP2ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: any HTTP2GuardedConnection
    private var frames: HTTP2WrittenFrames
    private var hasFailed = false

    init(_ connection: any HTTP2GuardedConnection, isClient: Bool) {
        self.connection = connection
        frames = HTTP2WrittenFrames(preface: isClient ? HTTP2Pipeline.preface.count : 0)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What still comes is read so that closing does not reset the connection, which could take the GOAWAY with it.
        if !hasFailed { context.fireChannelRead(data) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = frames.next(unwrapOutboundIn(data))
        switch frame {
        case .goAway(let code) where code != 0 && !hasFailed:
            hasFailed = true
            let flushed = promise ?? context.eventLoop.makePromise(of: Void.self)
            let box = NIOLoopBound(context, eventLoop: context.eventLoop)
            flushed.futureResult.whenComplete { _ in box.value.close(mode: .output, promise: nil) }
            context.write(data, promise: flushed)
            context.flush()
            connection.failed()
        case .data, .reset:
            connection.wrote(frame)
            context.write(data, promise: promise)
        case .goAway, .other:
            context.write(data, promise: promise)
        }
    }

    /// Of the socket or of TLS.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
