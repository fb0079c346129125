import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// The connections of one event loop to one gRPC server (h2c with prior knowledge, RFC 9113 §3.3). A few are enough, as
/// each carries many calls at once.
final class GRPCConnections {
    /// The most connections, if the upstream allows as many.
    private static let maximumConnections = 4
    /// How many bytes of a response may be ahead of its client.
    private static let window = 256 * 1024

    enum Opening { case started, waiting, full }

    private let endpoint: Endpoint
    private let configuration: GatewayConfiguration.Upstream
    private unowned let loop: LoopContext
    private var connections: [GRPCConnection] = []
    private var connecting = 0
    private var waiting: [(call: GRPCCall, headers: HPACKHeaders)] = []
    private var isRetired = false

    init(endpoint: Endpoint, configuration: GatewayConfiguration.Upstream, loop: LoopContext) {
        self.endpoint = endpoint
        self.configuration = configuration
        self.loop = loop
    }

    // MARK: calls

    /// Sends the call now or once there is room. ``GRPCCall/cancel()`` withdraws it.
    func open(_ call: GRPCCall, headers: HPACKHeaders) -> Opening {
        if let connection = connections.first(where: \.hasRoom) {
            connection.start(call, headers: headers)
            return .started
        }
        waiting.removeAll { $0.call.client == nil }
        guard waiting.count < max(1, configuration.maximumWaiting) else { return .full }
        waiting.append((call, headers))
        connectForWaiting()
        return .waiting
    }

    /// Removes a waiting call and cancels it.
    func cancel(_ call: GRPCCall) {
        waiting.removeAll { $0.call === call }
        call.cancel()
    }

    /// Whether a connection attempt is in progress.
    var isConnecting: Bool { connecting > 0 }

    /// Sends waiting calls as far as there is room, and opens connections for the rest.
    func startWaiting() {
        while !waiting.isEmpty, let connection = connections.first(where: { $0.hasRoom }) {
            let (call, headers) = waiting.removeFirst()
            guard let client = call.client else { continue }
            connection.start(call, headers: headers)
            client.callSent()
        }
        if !waiting.isEmpty { connectForWaiting() }
    }

    // MARK: connections

    private func connectForWaiting() {
        let limit = min(Self.maximumConnections, configuration.maximumConnections)
        while connecting * GRPCConnection.maximumCalls < waiting.count,
            connections.count(where: { !$0.isLeaving }) + connecting < limit
        {
            connecting += 1
            connect()
        }
    }

    private func connect() {
        let connection = GRPCConnection(self, loop: loop)
        let box = NIOLoopBound((self, connection), eventLoop: loop.eventLoop)
        let loop = self.loop
        let channel = PatientConnect.connect(on: loop.eventLoop, within: loop.settings.timeouts.connect) {
            box.value.0.connect(box.value.1)
        }
        channel.assumeIsolated().whenComplete { result in
            let (connections, connection) = box.value
            switch result {
            case .success: connections.opened(connection)
            case .failure(let error): connections.openFailed(error)
            }
            // Keeps the loop alive: connecting may outlast the gateway.
            withExtendedLifetime(loop) {}
        }
    }

    private func connect(_ connection: GRPCConnection) -> EventLoopFuture<any Channel> {
        let box = NIOLoopBound((self, connection), eventLoop: loop.eventLoop)
        var http2 = NIOHTTP2Handler.Configuration()
        http2.stream.targetWindowSize = Self.window
        http2.connection.targetWindowSize = 4 * Self.window
        http2.connection.maximumRecentlyResetStreams = HTTP2Pipeline.recentlyResetStreams(GRPCConnection.maximumCalls)
        // Stream errors are limited per period, not over the lifetime of the connection.
        http2.connection.maximumConnectionGlitches = .max
        http2.stream.streamErrorRateLimit.maximumCount = 1000
        http2.stream.streamResetFrameRateLimit.maximumCount = 1000
        let configuration = http2
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(loop.settings.timeouts.connect)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTP2ConnectionGuard(box.value.1))
                    box.value.1.multiplexer = try pipeline.configureHTTP2Pipeline(
                        mode: .client, connectionConfiguration: configuration.connection,
                        streamConfiguration: configuration.stream
                    ) { pushed in
                        // Server push is disabled.
                        pushed.close()
                    }
                    try pipeline.addHandler(box.value.1)
                }
            }
        return endpoint.connect(bootstrap)
    }

    private func opened(_ connection: GRPCConnection) {
        connecting -= 1
        guard !connection.isLeaving else { return openFailed(waitingFor: nil) }
        connections.append(connection)
        startWaiting()
        if isRetired { connection.leave() }
    }

    private func openFailed(_ error: any Error) {
        connecting -= 1
        loop.metrics.upstream(configuration.name).connectErrors.increment()
        loop.settings.logger.warning(
            "cannot connect to upstream",
            metadata: ["upstream": "\(configuration.name)", "endpoint": "\(endpoint)", "error": "\(error)"])
        openFailed(waitingFor: error)
    }

    /// Notifies the waiting calls, unless another connection may still take them.
    private func openFailed(waitingFor error: (any Error)?) {
        guard connecting == 0, !connections.contains(where: { !$0.isLeaving }) else { return }
        let timedOut = if case .connectTimeout? = error as? ChannelError { true } else { false }
        let failed = waiting
        waiting = []
        for (call, _) in failed {
            guard let client = call.client else { continue }
            call.client = nil
            client.connectionFailed(timedOut: timedOut)
        }
    }

    func closed(_ connection: GRPCConnection) {
        connections.removeAll { $0 === connection }
        guard !waiting.isEmpty else { return }
        // Deferred to the next turn of the loop: retries go first.
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.execute { box.value.connectForWaiting() }
    }

    // MARK: time

    func tick(_ now: NIODeadline) {
        let limit = now - (configuration.keepAlive.idle ?? loop.settings.timeouts.upstreamIdle)
        for connection in connections where connection.isIdle && connection.idleSince <= limit { connection.leave() }
        guard let age = configuration.keepAlive.maximumAge else { return }
        // Calls in progress still complete.
        for connection in connections where !connection.isLeaving && connection.openedAt + age <= now {
            connection.leave()
        }
    }

    /// No new calls arrive; those in progress still complete.
    func retire() {
        isRetired = true
        for connection in connections { connection.leave() }
    }
}
