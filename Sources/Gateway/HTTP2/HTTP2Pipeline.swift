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
                // The data plane reads when what it has read has gone on.
                try options.setOption(.autoRead, value: false)
                let id = try options.getOption(HTTP2StreamChannelOptions.streamID)
                let pipeline = channel.pipeline.syncOperations
                let stream = HTTP2StreamHandler(connection, id: Int(id))
                try pipeline.addHandler(stream)
                try pipeline.addHandler(ClientHandler(loop: connection.loop, peer: peer, stream: stream))
            }
        }
        // First, as swift-nio-http2 writes its settings as soon as it is there.
        try context.pipeline.syncOperations.addHandler(frames, position: .after(client))
        try context.pipeline.syncOperations.addHandlers([handler, connection], position: .after(frames))
        // Frames of all streams come mixed, so reading never stops; what waits in a stream is bounded by its window.
        try context.channel.syncOptions?.setOption(.autoRead, value: true)
        return connection
    }

    /// How many streams that were reset are remembered: frames that the other side sent before it knew of a reset are
    /// errors of the connection on a stream that is not (RFC 9113 §5.1). Ten times as many as may be open.
    static func recentlyResetStreams(_ limit: Int) -> Int { 10 * min(max(100, limit), 1000) }

    /// What swift-nio-http2 holds a client to. Beyond these it ends the connection with `ENHANCE_YOUR_CALM`. How many
    /// streams there may be, how large header sections are and what the connection's window lets through is for
    /// ``HTTP2ConnectionGuard`` to see to.
    static func configuration(
        _ announcement: HTTP2SettingsFrame.Announcement
    ) -> (NIOHTTP2Handler.ConnectionConfiguration, NIOHTTP2Handler.StreamConfiguration) {
        let sectionSize = 2 * announcement.headerList + HTTP2FrameReader.largestFrame
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: announcement.streams + 10_000),
            // Bytes that are no ASCII are two.
            HTTP2Setting(parameter: .maxHeaderListSize, value: sectionSize),
            HTTP2Setting(parameter: .initialWindowSize, value: HTTP2ReceiveWindow.largest),
        ]
        connection.targetWindowSize = Int(Int32.max)
        connection.maximumSequentialContinuationFrames = sectionSize / HTTP2FrameReader.largestFrame + 4
        connection.maximumSequentialEmptyDataFrames = 8
        // Bad streams are limited in a time, not in the whole life of a connection.
        connection.maximumConnectionGlitches = .max
        connection.maximumRecentlyResetStreams = recentlyResetStreams(announcement.streams)
        // Pings, settings and priorities; a client that sends more than seven in a second means no good.
        connection.controlFrameRateLimit.maximumCount = 200
        connection.controlFrameRateLimit.windowLength = .seconds(30)
        var stream = NIOHTTP2Handler.StreamConfiguration()
        // A browser cancels what a page asked for when it is left, a few dozen requests at a time.
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
