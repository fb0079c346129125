import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix

/// A request's place in the queue for a connection.
final class PoolTicket {
    fileprivate var client: (any UpstreamClient)?
    /// The network whose turn the request uses.
    fileprivate let network: IPAddress?
    /// Whether only a new connection will do, because the last one was stale.
    fileprivate let needsNewConnection: Bool
    fileprivate(set) var isPending = true

    fileprivate init(client: any UpstreamClient, needsNewConnection: Bool) {
        self.client = client
        network = client.network
        self.needsNewConnection = needsNewConnection
    }
}

/// The connections of one event loop to one endpoint. Confined to that loop, so that client and upstream connections
/// need no synchronization.
final class EndpointPool {
    enum Acquisition {
        case ready(UpstreamHandler)
        /// The client is called back.
        case waiting(PoolTicket)
        case full
    }

    let metrics: UpstreamInstruments
    /// The shared state of the endpoint under the current configuration.
    var state: EndpointState
    let endpoint: Endpoint
    private let configuration: GatewayConfiguration.Upstream
    private let tls: UpstreamTLSContext?
    private unowned let loop: LoopContext
    /// Used as a stack, so that surplus connections age and are closed.
    private var idle: [UpstreamHandler] = []
    private var waiting = FairQueue<IPAddress?, PoolTicket>()
    /// Requests whose connection was stale. They go first, as they have waited before.
    private var renewing = CircularBuffer<PoolTicket>()
    private var pendingTickets: Int { waiting.count + renewing.count }
    private var open = IntrusiveSet<UpstreamHandler>()
    /// Open connections and those being opened.
    private var connections = 0
    private var connecting = 0
    private var isStopped = false
    /// Whether new requests no longer arrive and released connections are closed.
    private var isRetired = false
    /// The HTTP/2 connections for gRPC calls.
    private(set) lazy var grpc = {
        hasGRPC = true
        return GRPCConnections(endpoint: endpoint, configuration: configuration, loop: loop)
    }()
    private var hasGRPC = false

    init(_ state: EndpointState, upstream: GatewaySettings.CompiledUpstream, loop: LoopContext) {
        metrics = loop.metrics.upstream(upstream.configuration.name)
        self.state = state
        endpoint = state.endpoint
        configuration = upstream.configuration
        tls = upstream.tls
        self.loop = loop
    }

    /// Whether the pool can be reused under another configuration of the upstream.
    func serves(_ upstream: GatewaySettings.CompiledUpstream) -> Bool {
        var other = upstream.configuration
        // These settings choose the endpoint but do not affect its connections.
        other.endpoints = self.configuration.endpoints
        other.weights = self.configuration.weights
        other.discovery = self.configuration.discovery
        other.balance = self.configuration.balance
        other.health = self.configuration.health
        other.breaker = self.configuration.breaker
        other.concurrency = self.configuration.concurrency
        other.host = self.configuration.host
        other.bufferedBody = self.configuration.bufferedBody
        return other == self.configuration && upstream.tls == tls
    }

    // MARK: requests

    func acquire(for client: any UpstreamClient, needsNewConnection: Bool = false) -> Acquisition {
        if !needsNewConnection, let connection = takeIdle(for: client) { return .ready(connection) }
        guard !isStopped,
            connections < configuration.maximumConnections || pendingTickets < configuration.maximumWaiting
                || makeRoom(for: client.network)
        else { return .full }
        let ticket = PoolTicket(client: client, needsNewConnection: needsNewConnection)
        if needsNewConnection { renewing.append(ticket) } else { waiting.append(ticket, of: ticket.network) }
        openForWaiting()
        return .waiting(ticket)
    }

    /// An idle connection that the upstream is unlikely to close now.
    private func takeIdle(for client: any UpstreamClient) -> UpstreamHandler? {
        while let connection = idle.popLast() {
            if !isExpired(connection, loop.now), client.mayRepeat || !isKnownToBeClosed(connection) {
                return connection
            }
            connection.close()
        }
        return nil
    }

    /// Checks the socket before a request that must not be sent twice. The kernel reports this for TCP only, not for
    /// Unix sockets.
    private func isKnownToBeClosed(_ connection: UpstreamHandler) -> Bool {
        guard case .tcp = endpoint else { return false }
        return connection.isClosedByPeer
    }

    /// The queue is full: the client with the most entries loses one to a client with fewer.
    private func makeRoom(for network: IPAddress?) -> Bool {
        guard let longest = waiting.longest, longest.count > waiting.count(of: network) + 1,
            let ticket = waiting.popLast(of: longest.key)
        else { return false }
        ticket.isPending = false
        if let client = ticket.client {
            // Deferred, as the client may otherwise acquire its next connection during this call.
            let box = NIOLoopBound((client, ticket), eventLoop: loop.eventLoop)
            loop.eventLoop.execute { box.value.0.giveWay(box.value.1) }
        }
        ticket.client = nil
        return true
    }

    /// The client no longer waits.
    func cancel(_ ticket: PoolTicket) {
        guard ticket.isPending else { return }
        ticket.isPending = false
        ticket.client = nil
        if ticket.needsNewConnection {
            renewing.removeAll { $0 === ticket }
        } else {
            waiting.remove(of: ticket.network) { $0 === ticket }
        }
    }

    /// The next client in turn.
    private func nextClient(isNew: Bool) -> (any UpstreamClient)? {
        guard let ticket = (isNew ? renewing.popFirst() : nil) ?? waiting.popFirst() else { return nil }
        let client = ticket.client
        ticket.isPending = false
        ticket.client = nil
        return client
    }

    // MARK: connections

    /// Whether a connection attempt is in progress.
    var isConnecting: Bool { connecting > 0 }

    /// Opens a connection for each waiting request that has none being opened for it.
    private func openForWaiting() {
        while connecting < pendingTickets, connections < configuration.maximumConnections, !isStopped {
            connections += 1
            connecting += 1
            openConnection()
        }
    }

    private func openConnection() {
        let loop = self.loop
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let channel = PatientConnect.connect(on: loop.eventLoop, within: loop.settings.timeouts.connect) {
            box.value.connect()
        }
        channel.assumeIsolated().whenComplete { result in
            let handler = result.flatMap { channel in
                Result { try channel.pipeline.syncOperations.handler(type: UpstreamHandler.self) }
            }
            switch handler {
            case .success(let handler): self.opened(handler)
            case .failure(let error): self.openFailed(error)
            }
            // Keeps the loop alive: connecting may outlast the gateway.
            withExtendedLifetime(loop) {}
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(loop.settings.timeouts.connect)
            .channelOption(.autoRead, value: false)
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            // Checks after each read whether the client still keeps up.
            .channelOption(.maxMessagesPerRead, value: 1)
            // Large responses arrive in few reads; small ones never grow a buffer to that size.
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 256 * 1024)
            )
            // When the upstream closes, everything in the kernel's buffer is read at once, even for a slow client. This
            // bounds the memory that it takes.
            .channelOption(.socketOption(.so_rcvbuf), value: 256 * 1024)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(UpstreamHandler(pool: box.value))
                }
            }
        return tls?.connect(bootstrap, to: endpoint, on: loop.eventLoop, timeout: loop.settings.timeouts.connect)
            ?? endpoint.connect(bootstrap)
    }

    private func opened(_ connection: UpstreamHandler) {
        connecting -= 1
        connection.isPooled = true
        open.add(connection)
        if let age = configuration.keepAlive.maximumAge {
            // Up to a fifth earlier, so that connections opened together do not expire together.
            let sooner = loop.random.next() % UInt64(max(1, age.nanoseconds / 5))
            connection.expiresAt = loop.now + age - .nanoseconds(Int64(sooner))
        }
        guard !isStopped else { return connection.close() }
        if let client = nextClient(isNew: true) {
            client.connected(connection)
        } else {
            keep(connection)
        }
    }

    private func openFailed(_ error: any Error) {
        metrics.connectErrors.increment()
        connecting -= 1
        connections -= 1
        loop.settings.logger.warning(
            "cannot connect to upstream",
            metadata: ["upstream": "\(configuration.name)", "endpoint": "\(endpoint)", "error": "\(error)"])
        if let client = nextClient(isNew: true) {
            let timedOut = if case .connectTimeout? = error as? ChannelError { true } else { false }
            client.connectionFailed(timedOut: timedOut || PatientConnect.hasNoRoom(error))
        }
        refill()
    }

    /// Returns a connection after a complete exchange, for the next request.
    func release(_ connection: UpstreamHandler) {
        if isStopped || connection.expiresAt <= loop.now {
            connection.close()
        } else if pendingTickets == 0 {
            keep(connection)
        } else if let client = nextClient(isNew: false) {
            client.connected(connection)
        } else if connecting == 0, connections >= configuration.maximumConnections {
            // The waiting requests need a new connection, and this one makes room for it.
            connection.close()
        } else {
            keep(connection)
        }
    }

    private func keep(_ connection: UpstreamHandler) {
        guard !isRetired, !state.isDrained else { return connection.close() }
        connection.idleSince = loop.now
        // The upstream may have announced that it keeps none.
        guard !isExpired(connection, loop.now) else { return connection.close() }
        idle.append(connection)
        connection.updateReading()
    }

    /// A connection is closed or about to be; its slot is free.
    func removed(_ connection: UpstreamHandler) {
        guard connection.isPooled else { return }
        connection.isPooled = false
        connections -= 1
        _ = open.remove(connection)
        if let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
        refill()
    }

    /// Opens connections for waiting requests on the next turn of the loop. Retries go first, and an address that
    /// refuses at once must not recurse through the whole queue.
    private func refill() {
        guard pendingTickets > 0 else { return }
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.execute { box.value.openForWaiting() }
    }

    // MARK: time

    func tick(_ now: NIODeadline) {
        if hasGRPC { grpc.tick(now) }
        relieve(now)
        let expired = idle.filter { isExpired($0, now) }
        guard !expired.isEmpty else { return }
        idle.removeAll { isExpired($0, now) }
        for connection in expired { connection.close() }
    }

    private func isExpired(_ connection: UpstreamHandler, _ now: NIODeadline) -> Bool {
        var limit = configuration.keepAlive.idle ?? loop.settings.timeouts.upstreamIdle
        if let said = connection.idleLimit { limit = min(limit, said) }
        return connection.idleSince + limit <= now || connection.expiresAt <= now
    }

    /// When all connections are in use and requests wait, takes slow connections away from clients that hold more than
    /// their share.
    private func relieve(_ now: NIODeadline) {
        guard waiting.count > 0, connections >= configuration.maximumConnections else { return }
        let held = open.members.compactMap { connection in connection.holding(now).map { (connection, $0) } }
        let positions = FairShare.givingWay(
            held.map(\.1), waiting: waiting.counts, limit: configuration.maximumConnections)
        for position in positions {
            metrics.gaveWay.increment()
            held[position].0.giveWay()
        }
    }

    /// For connections, which do not know the loop.
    var now: NIODeadline { loop.now }

    /// Logs a failed exchange with the upstream.
    func logFault(_ reason: String, isReused: Bool, requestID: [UInt8]?) {
        loop.settings.logger.warning(
            "upstream request failed",
            metadata: [
                "upstream": "\(configuration.name)", "endpoint": "\(endpoint)",
                "connection": isReused ? "reused" : "new", "reason": "\(reason)",
                "request_id": "\(requestID.map { String(decoding: $0, as: UTF8.self) } ?? "-")",
            ])
    }

    /// The upstream was removed from the configuration. Requests in progress still complete.
    func retire() {
        isRetired = true
        if hasGRPC { grpc.retire() }
        closeIdle()
    }

    func stop() {
        isStopped = true
        if hasGRPC { grpc.retire() }
        closeIdle()
    }

    func closeIdle() {
        let open = idle
        idle = []
        for connection in open { connection.close() }
    }
}
