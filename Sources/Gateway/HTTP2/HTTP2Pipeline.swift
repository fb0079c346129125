import NIOCore
import NIOHTTP2

/// Hands a connection over to HTTP/2.
///
/// The connection's preface decides (RFC 9113 §3.4), over TLS, where ALPN has agreed on it, as well as in clear text.
/// It is looked for where HTTP/1.1 would refuse a request line, so HTTP/1.1 pays nothing for it.
enum HTTP2Pipeline {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    enum Preface: Equatable { case absent, incomplete, complete }

    static func preface(in bytes: ByteBuffer) -> Preface {
        let start = bytes.readableBytesView.prefix(preface.count)
        guard preface.starts(with: start) else { return .absent }
        return start.count == preface.count ? .complete : .incomplete
    }

    /// What has been read goes to the handlers after it, and it is removed, by the caller.
    static func add(after client: ClientHandler, context: ChannelHandlerContext) throws -> HTTP2ConnectionHandler {
        let (loop, peer) = (client.loop, client.peer)
        let connection = HTTP2ConnectionHandler(loop)
        let box = NIOLoopBound((connection, peer), eventLoop: context.eventLoop)
        let (connectionSettings, streamSettings) = configuration(loop.settings.limits)
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: context.eventLoop, connectionConfiguration: connectionSettings,
            streamConfiguration: streamSettings
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let (connection, peer) = box.value
                guard let options = channel.syncOptions else { throw ChannelError.operationUnsupported }
                // The data plane reads when what it has read has gone on.
                try options.setOption(.autoRead, value: false)
                let id = try options.getOption(HTTP2StreamChannelOptions.streamID)
                let pipeline = channel.pipeline.syncOperations
                let stream = HTTP2StreamHandler(connection, id: Int(id))
                try pipeline.addHandler(stream)
                try pipeline.addHandler(ClientHandler(loop: connection.loop, peer: peer, stream: stream))
            }
        }
        try context.pipeline.syncOperations.addHandlers(
            [HTTP2ConnectionGuard(connection, isClient: false), handler, connection], position: .after(client))
        // Frames of all streams come mixed, so reading never stops; what waits in a stream is bounded by its window.
        try context.channel.syncOptions?.setOption(.autoRead, value: true)
        return connection
    }

    /// How many streams that were reset are remembered: frames that the other side sent before it knew of a reset are
    /// errors of the connection on a stream that is not (RFC 9113 §5.1). Ten times as many as may be open.
    static func recentlyResetStreams(_ limit: Int) -> Int { 10 * min(max(100, limit), 1000) }

    /// What swift-nio-http2 holds a client to. Beyond these it ends the connection with `ENHANCE_YOUR_CALM`, and with
    /// `PROTOCOL_ERROR` or `COMPRESSION_ERROR` for a header section that is too large.
    private static func configuration(
        _ limits: GatewayConfiguration.Limits
    ) -> (NIOHTTP2Handler.ConnectionConfiguration, NIOHTTP2Handler.StreamConfiguration) {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: max(1, limits.streams)),
            // As RFC 9113 §6.5.2 counts it: 32 bytes more for each field.
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.head + 32 * limits.headers),
        ]
        connection.targetWindowSize = 1 << 20
        // HEADERS and as many CONTINUATION frames of 16 KiB as the largest head may need, but nobody sends small ones.
        connection.maximumSequentialContinuationFrames = max(4, limits.head / 16_384 + 2)
        connection.maximumSequentialEmptyDataFrames = 8
        connection.maximumRecentlyResetStreams = recentlyResetStreams(limits.streams)
        // Pings, settings and priorities; a client that sends more than seven in a second means no good.
        connection.controlFrameRateLimit.maximumCount = 200
        connection.controlFrameRateLimit.windowLength = .seconds(30)
        var stream = NIOHTTP2Handler.StreamConfiguration()
        // A browser cancels what a page asked for when it is left, a few dozen requests at a time.
        stream.streamResetFrameRateLimit.maximumCount = 200
        stream.streamResetFrameRateLimit.windowLength = .seconds(30)
        stream.streamErrorRateLimit.maximumCount = 100
        stream.streamErrorRateLimit.windowLength = .seconds(30)
        stream.targetWindowSize = 65_535
        stream.outboundBufferSizeHighWatermark = 64 * 1024
        stream.outboundBufferSizeLowWatermark = 32 * 1024
        return (connection, stream)
    }
}
