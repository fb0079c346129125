import NIOCore
import NIOHTTP2

/// Switches a connection to HTTP/2.
///
/// The connection preface decides (RFC 9113 §3.4), over TLS after ALPN agreed on HTTP/2 as well as in clear text. It is
/// checked only where HTTP/1.1 would refuse a request line, so HTTP/1.1 pays nothing for it.
enum HTTP2Pipeline {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    enum Preface: Equatable { case absent, incomplete, complete }

    static func preface(in bytes: ByteBuffer) -> Preface {
        let start = bytes.readableBytesView.prefix(preface.count)
        guard preface.starts(with: start) else { return .absent }
        return start.count == preface.count ? .complete : .incomplete
    }

    /// Adds the HTTP/2 handlers. The caller passes them the bytes read so far and removes its own handler.
    static func add(after client: ClientHandler, context: ChannelHandlerContext) throws -> HTTP2ConnectionHandler {
        let (loop, peer) = (client.loop, client.peer)
        let connection = HTTP2ConnectionHandler(loop)
        let box = NIOLoopBound((connection, peer), eventLoop: context.eventLoop)
        let limits = loop.settings.limits
        let announcement = HTTP2SettingsFrame.Announcement(
            streams: max(1, limits.streams), headerList: limits.head + HeaderTable.overhead * limits.headers)
        let frames = HTTP2ConnectionGuard(connection, announcing: announcement, budget: loop.receiveBudget)
        connection.frames = frames
        let (connectionSettings, streamSettings) = configuration(announcement)
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: context.eventLoop, connectionConfiguration: connectionSettings,
            streamConfiguration: streamSettings
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let (connection, peer) = box.value
                guard let options = channel.syncOptions else { throw ChannelError.operationUnsupported }
                // The data plane reads once what it has read is passed on.
                try options.setOption(.autoRead, value: false)
                let id = try options.getOption(HTTP2StreamChannelOptions.streamID)
                let pipeline = channel.pipeline.syncOperations
                let stream = HTTP2StreamHandler(connection, id: Int(id))
                try pipeline.addHandler(stream)
                try pipeline.addHandler(ClientHandler(loop: connection.loop, peer: peer, stream: stream))
            }
        }
        // Added first, since swift-nio-http2 writes its settings as soon as it is added.
        try context.pipeline.syncOperations.addHandler(frames, position: .after(client))
        try context.pipeline.syncOperations.addHandlers([handler, connection], position: .after(frames))
        // Frames of all streams are interleaved, so reading never stops; windows bound what waits in each stream.
        try context.channel.syncOptions?.setOption(.autoRead, value: true)
        return connection
    }

    /// How many reset streams to remember. The peer's frames sent before it learned of a reset would be connection
    /// errors on a forgotten stream (RFC 9113 §5.1). Ten times the most open streams.
    static func recentlyResetStreams(_ limit: Int) -> Int { 10 * min(max(100, limit), 1000) }

    /// The limits that swift-nio-http2 enforces with `ENHANCE_YOUR_CALM`. ``HTTP2ConnectionGuard`` enforces the number
    /// of streams, the size of header sections and the connection's window.
    static func configuration(
        _ announcement: HTTP2SettingsFrame.Announcement
    ) -> (NIOHTTP2Handler.ConnectionConfiguration, NIOHTTP2Handler.StreamConfiguration) {
        let sectionSize = 2 * announcement.headerList + HTTP2FrameReader.largestFrame
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: announcement.streams + 10_000),
            // Non-ASCII bytes are encoded as two.
            HTTP2Setting(parameter: .maxHeaderListSize, value: sectionSize),
            HTTP2Setting(parameter: .initialWindowSize, value: HTTP2ReceiveWindow.largest),
        ]
        connection.targetWindowSize = Int(Int32.max)
        connection.maximumSequentialContinuationFrames = sectionSize / HTTP2FrameReader.largestFrame + 4
        connection.maximumSequentialEmptyDataFrames = 8
        // Stream errors are limited per period, not over the lifetime of the connection.
        connection.maximumConnectionGlitches = .max
        connection.maximumRecentlyResetStreams = recentlyResetStreams(announcement.streams)
        // Pings, settings and priorities: a well-behaved client sends fewer than seven a second.
        connection.controlFrameRateLimit.maximumCount = 200
        connection.controlFrameRateLimit.windowLength = .seconds(30)
        var stream = NIOHTTP2Handler.StreamConfiguration()
        // A browser cancels a page's requests when the user leaves it, a few dozen at a time.
        stream.streamResetFrameRateLimit.maximumCount = 200
        stream.streamResetFrameRateLimit.windowLength = .seconds(30)
        stream.streamErrorRateLimit.maximumCount = 100
        stream.streamErrorRateLimit.windowLength = .seconds(30)
        stream.targetWindowSize = HTTP2ReceiveWindow.largest
        stream.outboundBufferSizeHighWatermark = 64 * 1024
        stream.outboundBufferSizeLowWatermark = 32 * 1024
        return (connection, stream)
    }
}
