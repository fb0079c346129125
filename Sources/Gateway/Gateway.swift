package import Logging
package import MartletCore
import MartletSystem
package import MartletTelemetry
import MartletTokens
package import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The platform's front door: a byte-level HTTP/1.1 reverse proxy (RFC 9110, 9112) that also translates HTTP/2 (RFC
/// 9113), serves the console's files and answers a few paths itself.
///
/// ```swift
/// let gateway = try Gateway(configuration: configuration, metrics: metrics, logger: logger, eventLoopGroup: group)
/// let address = try await gateway.bind()          // fails here if the port is in use
/// try await ServiceGroup(services: [gateway], logger: logger).run()
/// ```
///
/// A client connection and the upstream connection that serves it run on the same event loop. On a graceful shutdown
/// the gateway stops accepting connections, closes each connection after its next response and waits up to
/// ``GatewayConfiguration/Timeouts/drain`` for requests in progress.
package struct Gateway: Service {
    let current: CurrentSettings
    private let metrics: MetricsRegistry
    private let spans: SpanRecorder?
    private let logger: Logger
    let resources: PolicyResources
    let listener: Listener
    private let tls: TLSListener?
    private let eventLoopGroup: any EventLoopGroup

    /// - Parameter spans: records a span for each request; nil records none.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    package init(
        configuration: GatewayConfiguration, metrics: MetricsRegistry, spans: SpanRecorder? = nil, logger: Logger,
        eventLoopGroup: any EventLoopGroup
    ) throws {
        resources = PolicyResources(logger: logger)
        current = CurrentSettings(
            try GatewaySettings(
                configuration, metrics: metrics, spans: spans, logger: logger, resources: resources))
        self.metrics = metrics
        self.spans = spans
        self.logger = logger
        self.eventLoopGroup = eventLoopGroup
        tls =
            if let tls = configuration.tls {
                try TLSListener(tls, speaksHTTP2: configuration.limits.streams > 0)
            } else { nil }
        current.settings.commit(resources)
        for warning in tls?.warnings() ?? [] { logger.warning("\(warning)") }
        listener = Listener()
    }

    /// Starts listening and serving. Calling it again has no effect.
    /// - Returns: the bound address, with the port that the system chose when the configured port is 0.
    /// - Throws: ``GatewayError/addressInUse(_:)`` or ``GatewayError/cannotBind(_:reason:)``.
    @discardableResult
    package func bind() async throws -> SocketAddress {
        try await listener.bind(current.settings, tls, on: eventLoopGroup)
    }

    /// The TCP port of the listener; nil before ``bind()``.
    package var port: Int? { listener.address?.port }

    /// The port of the plain-HTTP listener that redirects to HTTPS; nil before ``bind()`` or when none is configured.
    package var redirectPort: Int? { listener.redirectPort }

    /// Replaces the configuration without dropping a request. It is compiled on ``ConfigurationThread``; the event
    /// loops then switch to it one after the other, and requests in progress keep their route.
    ///
    /// The listening addresses, the trusted proxies, the connection limit, the timer resolution and the choice of TLS
    /// and HTTP/2 stay as they were at ``bind()``. Open connections keep their head limits. Certificates are read again.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``; the previous configuration then stays in force.
    package func reload(_ configuration: GatewayConfiguration) async throws {
        try await ConfigurationThread.run {
            try current.change { before throws in
                resources.discovery.carryOver(from: before.configuration.upstreams, to: configuration.upstreams)
                let settings = try GatewaySettings(
                    configuration, metrics: metrics, spans: spans, logger: logger, resources: resources)
                // The last step that can fail: everything after it changes what is in force.
                if let tls, let certificates = configuration.tls {
                    for warning in try tls.reload(certificates) { logger.warning("\(warning)") }
                }
                settings.commit(resources)
                resources.discovery.follow(configuration.upstreams)
                return settings
            }
        }
        await applyCurrent()
    }

    /// Applies the endpoints that discovery has found.
    private func applyDiscoveredEndpoints() async {
        do {
            try await ConfigurationThread.run {
                try current.change { settings throws in
                    try GatewaySettings(
                        settings.configuration, metrics: metrics, spans: spans, logger: logger, resources: resources,
                        before: settings)
                }
            }
            await applyCurrent()
        } catch {
            logger.error("discovered endpoints cannot be used", metadata: ["error": "\(error)"])
        }
    }

    private func applyCurrent() async {
        await listener.apply { [current] in current.settings }
        // Waits for a compilation in progress, so it runs on the configuration thread and blocks no event loop.
        let gone = try? await ConfigurationThread.run {
            current.whileUnchanged { settings in
                resources.keepOwners(of: settings)
                return (
                    resources.keepEndpoints(of: settings.upstreams), resources.labels.keep(settings.labelsInUse)
                )
            }
        }
        guard let (endpoints, routes) = gone else { return }
        var names: [String: Set<String>] = [:]
        for (upstream, endpoint) in endpoints { names[upstream, default: []].insert(endpoint.description) }
        GatewayMetrics.forget(endpoints: names, in: metrics)
        GatewayMetrics.forget(routes: routes, in: metrics)
    }

    /// The endpoints of an upstream as currently known; empty for an unknown upstream.
    package func endpoints(of upstream: String) -> [Endpoint] {
        current.settings.configuration.upstreams.first { $0.name == upstream }?.endpoints ?? []
    }

    /// Revokes all tokens of a session at once: those whose `sid` matches, or whose `jti` matches when they have no
    /// `sid`.
    /// - Parameter until: when the last of these tokens expires, in seconds since 1970.
    package func revoke(session: String, until: Int64) { resources.verifiers.ended.insert(session, until: until) }

    /// Answers 503 to requests that require a token, until ``releaseTokens()``. Used while the ended sessions are still
    /// unknown.
    package func holdTokens() { resources.verifiers.ended.hold() }

    /// Accepts tokens again, except those of sessions passed to ``revoke(session:until:)``.
    package func releaseTokens() { resources.verifiers.ended.release() }

    /// Serves requests until the shutdown is complete.
    package func run() async throws {
        try await bind()
        logger.info("gateway is listening", metadata: ["address": "\(listener.address?.description ?? "-")"])
        let closed = listener.closed
        let isExpected = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // Throws when the task is cancelled, which also means a shutdown.
                try? await gracefulShutdown()
                return true
            }
            group.addTask {
                for await _ in closed {}
                return Task.isCancelled
            }
            group.addTask { [current, logger] in
                await HealthChecker(logger: logger).run { current.settings.upstreams }
                // Returns only when cancelled.
                return true
            }
            group.addTask { [resources] in
                await resources.verifiers.refresher.run()
                return true
            }
            group.addTask { [self] in
                try? await ConfigurationThread.run {
                    current.whileUnchanged { resources.discovery.follow($0.configuration.upstreams) }
                }
                await resources.discovery.run { await applyDiscoveredEndpoints() }
                return true
            }
            let first = await group.next() ?? true
            group.cancelAll()
            // Runs before the group waits for its other tasks, so that no new connection is accepted meanwhile.
            await listener.shutdown(within: current.settings.timeouts)
            return first
        }
        if !isExpected { throw GatewayError.listenerClosed }
    }
}

/// The configuration in force.
final class CurrentSettings: Sendable {
    private let box: Mutex<GatewaySettings>
    /// Held while new settings are compiled, so that they never derive from settings that are being replaced.
    private let changing = Mutex<Void>(())

    init(_ settings: GatewaySettings) { box = Mutex(settings) }

    var settings: GatewaySettings { box.withLock { $0 } }

    /// Serializes changes.
    func change(_ make: (GatewaySettings) throws -> GatewaySettings) throws {
        try changing.withLock { _ in
            let settings = try make(settings)
            box.withLock { $0 = settings }
        }
    }

    func whileUnchanged<Result>(_ body: (GatewaySettings) -> Result) -> Result {
        changing.withLock { _ in body(settings) }
    }
}

/// The server socket and the event loops behind it.
final class Listener: Sendable {
    private struct State {
        var channel: (any Channel)?
        /// The plain-HTTP listener that redirects to HTTPS.
        var redirect: (any Channel)?
        var loops: [NIOLoopBoundBox<LoopContext>] = []
    }

    private let state = Mutex(State())
    /// Ends when the server socket closes.
    let closed: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init() { (closed, continuation) = AsyncStream.makeStream(of: Never.self) }

    var address: SocketAddress? { state.withLock { $0.channel?.localAddress } }
    var redirectPort: Int? { state.withLock { $0.redirect?.localAddress?.port } }

    func bind(_ settings: GatewaySettings, _ tls: TLSListener?, on group: any EventLoopGroup) async throws
        -> SocketAddress
    {
        if let address { return address }
        let eventLoops = Array(group.makeIterator())
        let share = max(1, Self.connectionLimit(settings.limits.connections) / max(1, eventLoops.count))
        var loops: [ObjectIdentifier: NIOLoopBoundBox<LoopContext>] = [:]
        for eventLoop in eventLoops {
            let box = NIOLoopBoundBox.makeBoxSendingValue(
                LoopContext(eventLoop: eventLoop, settings: settings, loopCount: eventLoops.count),
                eventLoop: eventLoop)
            try await eventLoop.submit { box.value.start() }.get()
            loops[ObjectIdentifier(eventLoop)] = box
        }
        let proxies = AddressSet(settings.configuration.trustedProxies)
        func bootstrap(_ tls: TLSListener?, _ redirect: SecureRedirect?) -> ServerBootstrap {
            ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.maxMessagesPerRead, value: 64)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.autoRead, value: false)
                // A client may half-close its side after the request and still receives the response.
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
                .childChannelInitializer { [loops] channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value, loop.connectionCount < share
                        else {
                            throw ChannelError.ioOnClosedChannel
                        }
                        let peer = ForwardedPeer(
                            address: channel.remoteAddress, isSecure: tls != nil,
                            trustedProxies: proxies, redirect: redirect)
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(TLSGreetingHandler(tls, loop: loop))
                        }
                        try channel.pipeline.syncOperations.addHandler(ClientHandler(loop: loop, peer: peer))
                    }
                }
        }
        let configuration = settings.configuration
        let channel: any Channel
        let address: SocketAddress
        var redirect: (any Channel)?
        do {
            (channel, address) = try await Self.listen(bootstrap(tls, nil), configuration.host, configuration.port)
            if let plain = configuration.tls?.redirect {
                let answer = SecureRedirect(plain, listener: address.port ?? 443)
                do {
                    redirect = try await Self.listen(bootstrap(nil, answer), plain.host, plain.port).0
                } catch {
                    try? await channel.close().get()
                    throw error
                }
            }
        } catch {
            for box in loops.values { try? await box.eventLoop.submit { box.value.stop() }.get() }
            throw error
        }
        channel.closeFuture.whenComplete { [continuation] _ in continuation.finish() }
        state.withLock {
            $0.channel = channel
            $0.redirect = redirect
            $0.loops = Array(loops.values)
        }
        return address
    }

    private static func listen(
        _ bootstrap: ServerBootstrap, _ host: String, _ port: Int
    ) async throws -> (any Channel, SocketAddress) {
        let name = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(host: host, port: port).get()
        } catch {
            if (error as? IOError)?.errnoCode == EADDRINUSE { throw GatewayError.addressInUse(name) }
            throw GatewayError.cannotBind(name, reason: "\(error)")
        }
        guard let address = channel.localAddress else {
            throw GatewayError.cannotBind(name, reason: "the socket has no address")
        }
        return (channel, address)
    }

    /// - Parameter settings: evaluated on each loop, so that the later of two concurrent changes wins.
    func apply(_ settings: @escaping @Sendable () -> GatewaySettings) async {
        await forEachLoop { $0.apply(settings()) }
    }

    func forEachLoop(_ body: @escaping @Sendable (LoopContext) -> Void) async {
        for box in state.withLock({ $0.loops }) {
            try? await box.eventLoop.submit { body(box.value) }.get()
        }
    }

    /// Stops accepting, waits for requests in progress and closes what remains.
    func shutdown(within timeouts: GatewayConfiguration.Timeouts) async {
        let (channel, redirect, loops) = state.withLock { ($0.channel, $0.redirect, $0.loops) }
        try? await redirect?.close().get()
        if let channel {
            // Closing the socket resets connections still in the accept queue, so new handshakes are refused first.
            if await ListenerFilter.refuseNewHandshakes(channel) {
                let wait = min(timeouts.drainIdle, .milliseconds(250))
                try? await channel.eventLoop.scheduleTask(in: wait) {}.futureResult.get()
            }
            try? await channel.close().get()
        }
        await withTaskGroup(of: Void.self) { group in
            for box in loops {
                group.addTask {
                    let eventLoop = box.eventLoop
                    let deadline = eventLoop.makePromise(of: Void.self)
                    let timer = eventLoop.scheduleTask(in: timeouts.drain) { deadline.succeed() }
                    try? await eventLoop.flatSubmit {
                        box.value.drain().cascade(to: deadline)
                        return deadline.futureResult
                    }.get()
                    timer.cancel()
                    try? await eventLoop.submit { box.value.stop() }.get()
                }
            }
        }
    }

    /// Each client may need a second descriptor for its upstream connection, and other parts of the process need some
    /// too.
    private static func connectionLimit(_ configured: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return configured }
        let descriptors = Int(clamping: limit.rlim_cur)
        return max(16, min(configured, (descriptors - min(descriptors, 64)) / 2))
    }
}
