import NIOCore
import NIOHPACK
import NIOHTTP2

/// A connection to a gRPC server, and how many calls it carries.
final class GRPCConnection: ChannelInboundHandler, HTTP2GuardedConnection {
    typealias InboundIn = HTTP2Frame

    /// Most calls at once, if the server takes as many.
    static let maximumCalls = 100
    private unowned let loop: LoopContext
    private weak var connections: GRPCConnections?
    private var context: ChannelHandlerContext?
    var multiplexer: NIOHTTP2Handler.StreamMultiplexer?
    private var limit = maximumCalls
    private var calls = 0
    /// No new calls: the server is going away, or may be gone.
    private(set) var isLeaving = false
    /// The connection is broken, and GOAWAY has said so.
    private var hasFailed = false
    /// Since when it has carried none.
    private(set) var idleSince: NIODeadline
    let openedAt: NIODeadline
    private var lastHeard: NIODeadline

    init(_ connections: GRPCConnections, loop: LoopContext) {
        self.connections = connections
        self.loop = loop
        idleSince = loop.now
        openedAt = loop.now
        lastHeard = loop.now
    }

    var hasRoom: Bool { !isLeaving && calls < limit && multiplexer != nil }
    var isIdle: Bool { calls == 0 }

    // MARK: calls

    func start(_ call: GRPCCall, headers: HPACKHeaders) {
        guard let multiplexer else { return }
        calls += 1
        let handler = GRPCStreamHandler(call, headers: headers, connection: self, now: loop.now)
        call.stream = handler
        let box = NIOLoopBound(handler, eventLoop: loop.eventLoop)
        let promise = loop.eventLoop.makePromise(of: (any Channel).self)
        multiplexer.createStreamChannel(promise: promise) { channel in
            // The channel has no options that can be set at once.
            channel.setOption(.autoRead, value: false).flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(box.value)
            }
        }
        promise.futureResult.assumeIsolated().whenFailure { _ in box.value.openFailed() }
    }

    /// Something has come.
    func heard() { lastHeard = loop.now }

    func callEnded() {
        calls -= 1
        idleSince = loop.now
        if isLeaving, calls == 0 { close() }
        connections?.startWaiting()
    }

    /// A call was given up. When nothing at all has come since it was sent, and in that time another connection would
    /// have been opened, the other side may be gone, though this connection does not know it.
    func callAbandoned(since start: NIODeadline) {
        if lastHeard < start, loop.now - start >= loop.settings.timeouts.connect { leave() }
    }

    /// Takes no further calls, and closes after the last one.
    func leave() {
        isLeaving = true
        if calls == 0 { close() }
        connections?.startWaiting()
    }

    func close() { context?.close(promise: nil) }

    // MARK: the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard()
        switch unwrapInboundIn(data).payload {
        case .settings(.settings(let settings)):
            for setting in settings where setting.parameter == .maxConcurrentStreams {
                limit = min(Self.maximumCalls, setting.value)
            }
        case .goAway: leave()
        default: break
        }
    }

    /// The server broke the protocol.
    func failed() {
        isLeaving = true
        hasFailed = true
    }

    func wrote(_ frame: HTTP2WrittenFrames.Frame) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A stream's has been answered with RST_STREAM, and its call knows. A head that cannot be written is in the
        // table of RFC 7541 all the same, which is no longer the server's then.
        if hasFailed || error is NIOHTTP2Errors.UnableToSerializeFrame { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isLeaving = true
        connections?.closed(self)
        context.fireChannelInactive()
    }
}
