package import Logging
package import MartletCore
import MartletSystem
package import MartletTelemetry
import MartletTokens
package import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The platform's front door: an HTTP/1.1 reverse proxy that works on bytes (RFC 9110, 9112) and to which HTTP/2
/// (RFC 9113) is translated, the console's files and a few answers of its own.
///
/// ```swift
/// let gateway = try Gateway(configuration: configuration, metrics: metrics, logger: logger, eventLoopGroup: group)
/// let address = try await gateway.bind()          // a port in use is known before anything else starts
/// try await ServiceGroup(services: [gateway], logger: logger).run()
/// ```
///
/// A client's connection and the upstream connection that serves it live on the same event loop. On a graceful
/// shutdown the gateway stops accepting, ends connections with their next answer and waits
/// ``GatewayConfiguration/Timeouts/drain`` for requests under way.
package struct Gateway: Service {
    let current: CurrentSettings
    private let metrics: MetricsRegistry
    private let spans: SpanRecorder?
    private let logger: Logger
    let resources: PolicyResources
    let listener: Listener
    private let tls: TLSListener?
    private let eventLoopGroup: any EventLoopGroup

    /// - Parameter spans: where requests are recorded; nowhere when nil.
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

    /// Starts to listen and to answer. Calling it again changes nothing.
    /// - Returns: the address with the port that was chosen when the configured one is 0.
    /// - Throws: ``GatewayError/addressInUse(_:)`` or ``GatewayError/cannotBind(_:reason:)``.
    @discardableResult
    package func bind() async throws -> SocketAddress {
        try await listener.bind(current.settings, tls, on: eventLoopGroup)
    }

    /// The port that is listened on; nil before ``bind()``.
    package var port: Int? { listener.address?.port }

    /// The port in clear text that sends clients to TLS; nil without one, and before ``bind()``.
    package var redirectPort: Int? { listener.redirectPort }

    /// Takes up another configuration: every event loop at once for itself, without losing a request. The address, the
    /// trusted proxies, whether TLS and HTTP/2 are spoken, and the limits of connections that are open stay as they are;
    /// certificates are read again. It is compiled on ``ConfigurationThread``.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``, and everything stays as it is.
    package func reload(_ configuration: GatewayConfiguration) async throws {
        try await ConfigurationThread.run {
            try current.change { before throws in
                resources.discovery.carryOver(from: before.configuration.upstreams, to: configuration.upstreams)
                let settings = try GatewaySettings(
                    configuration, metrics: metrics, spans: spans, logger: logger, resources: resources)
                // The last thing that can go wrong: what follows changes what is in force.
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

    /// Takes up the endpoints that have been found.
    private func takeUpEndpoints() async {
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
            logger.error("found endpoints cannot be used", metadata: ["error": "\(error)"])
        }
    }

    private func applyCurrent() async {
        await listener.apply { [current] in current.settings }
        // Waits for whoever compiles another one meanwhile: there, where nobody else does.
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

    /// Where an upstream is now, as far as is known; none for one that is not there.
    package func endpoints(of upstream: String) -> [Endpoint] {
        current.settings.configuration.upstreams.first { $0.name == upstream }?.endpoints ?? []
    }

    /// Ends at once all tokens of a session: those whose `sid` it is, or whose `jti` where they have none.
    /// - Parameter until: when the last of them would have ended by itself, in seconds since 1970.
    package func revoke(session: String, until: Int64) { resources.verifiers.ended.insert(session, until: until) }

    /// Answers 503 where a token is asked for, until ``releaseTokens()``: which sessions have ended is not known yet.
    package func holdTokens() { resources.verifiers.ended.hold() }

    /// From now on tokens are believed, but for those of the sessions that ``revoke(session:until:)`` has named.
    package func releaseTokens() { resources.verifiers.ended.release() }

    /// Answers requests until the shutdown is complete.
    package func run() async throws {
        try await bind()
        logger.info("gateway listens", metadata: ["address": "\(listener.address?.description ?? "-")"])
        let closed = listener.closed
        let isExpected = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // Throws when the task is cancelled, which is a shutdown too.
                try? await gracefulShutdown()
                return true
            }
            group.addTask {
                for await _ in closed {}
                return Task.isCancelled
            }
            group.addTask { [current, logger] in
                await HealthChecker(logger: logger).run { current.settings.upstreams }
                // Only ends when it is cancelled.
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
                await resources.discovery.run { await takeUpEndpoints() }
                return true
            }
            let first = await group.next() ?? true
            group.cancelAll()
            // Not after the others: whatever they still wait for, nobody new comes in.
            await listener.shutdown(within: current.settings.timeouts)
            return first
        }
        if !isExpected { throw GatewayError.listenerClosed }
    }
}

/// The configuration in force.
final class CurrentSettings: Sendable {
    private let box: Mutex<GatewaySettings>
    /// Held while new settings are made, which takes a while, and must not be from settings that are being replaced.
    private let changing = Mutex<Void>(())

    init(_ settings: GatewaySettings) { box = Mutex(settings) }

    var settings: GatewaySettings { box.withLock { $0 } }

    /// One change after the other.
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
        /// In clear text, and sends clients to the other one.
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
                // A client may close its side when it has asked, and is answered.
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

    /// - Parameter settings: asked for on each loop, so that of two changes at once the later one stays.
    func apply(_ settings: @escaping @Sendable () -> GatewaySettings) async {
        await forEachLoop { $0.apply(settings()) }
    }

    func forEachLoop(_ body: @escaping @Sendable (LoopContext) -> Void) async {
        for box in state.withLock({ $0.loops }) {
            try? await box.eventLoop.submit { body(box.value) }.get()
        }
    }

    /// Stops accepting, waits for requests under way and closes what is left.
    func shutdown(within timeouts: GatewayConfiguration.Timeouts) async {
        let (channel, redirect, loops) = state.withLock { ($0.channel, $0.redirect, $0.loops) }
        try? await redirect?.close().get()
        if let channel {
            // Closing turns away whom the kernel has let in already, so the door is shut first and they come through.
            if await ListenerFilter.turnAwayNewcomers(channel) {
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

    /// Every client may need a second descriptor for its upstream, and others need some too.
    private static func connectionLimit(_ configured: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return configured }
        let descriptors = Int(clamping: limit.rlim_cur)
        return max(16, min(configured, (descriptors - min(descriptors, 64)) / 2))
    }
}
