import NIOCore
import NIOHPACK
import NIOHTTP2

/// A connection to a gRPC server, and the calls on it.
final class GRPCConnection: ChannelInboundHandler, HTTP2GuardedConnection {
    typealias InboundIn = HTTP2Frame

    /// The most calls at once, if the server allows as many.
    static let maximumCalls = 100
    private unowned let loop: LoopContext
    private weak var connections: GRPCConnections?
    private var context: ChannelHandlerContext?
    var multiplexer: NIOHTTP2Handler.StreamMultiplexer?
    private var limit = maximumCalls
    private var calls = 0
    /// Whether no new calls are accepted: the server is going away, or may be gone.
    private(set) var isLeaving = false
    /// Whether the connection failed and a GOAWAY was sent.
    private var hasFailed = false
    /// When the last call ended.
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
            // The channel does not support synchronous options.
            channel.setOption(.autoRead, value: false).flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(box.value)
            }
        }
        promise.futureResult.assumeIsolated().whenFailure { _ in box.value.openFailed() }
    }

    /// Data has arrived.
    func receivedData() { lastHeard = loop.now }

    func callEnded() {
        calls -= 1
        idleSince = loop.now
        if isLeaving, calls == 0 { close() }
        connections?.startWaiting()
    }

    /// A call was given up. If nothing has arrived since it was sent, for as long as a connect may take, the server may
    /// be gone without the connection noticing.
    func callAbandoned(since start: NIODeadline) {
        if lastHeard < start, loop.now - start >= loop.settings.timeouts.connect { leave() }
    }

    /// Accepts no further calls, and closes after the last one.
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
        receivedData()
        switch unwrapInboundIn(data).payload {
        case .settings(.settings(let settings)):
            for setting in settings where setting.parameter == .maxConcurrentStreams {
                limit = min(Self.maximumCalls, setting.value)
            }
        case .goAway: leave()
        default: break
        }
    }

    /// The server violated the protocol.
    func failed() {
        isLeaving = true
        hasFailed = true
    }

    func wrote(_ frame: HTTP2WrittenFrames.Frame) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A stream error was answered with RST_STREAM, and its call is notified. After a head that could not be
        // written, the server's HPACK table (RFC 7541) is out of sync.
        if hasFailed || error is NIOHTTP2Errors.UnableToSerializeFrame { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isLeaving = true
        connections?.closed(self)
        context.fireChannelInactive()
    }
}
