import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix

/// A request's place in the queue for a connection.
final class PoolTicket {
    fileprivate var client: (any UpstreamClient)?
    /// Whose turn it takes.
    fileprivate let network: IPAddress?
    /// Only a new connection will do: the last one turned out to be stale.
    fileprivate let needsNewConnection: Bool
    fileprivate(set) var isPending = true

    fileprivate init(client: any UpstreamClient, needsNewConnection: Bool) {
        self.client = client
        network = client.network
        self.needsNewConnection = needsNewConnection
    }
}

/// The connections of one event loop to one endpoint. Confined to that loop, so that a client's connection and its
/// upstream's never need to synchronise.
final class EndpointPool {
    enum Acquisition {
        case ready(UpstreamHandler)
        /// The client is called back.
        case waiting(PoolTicket)
        case full
    }

    let metrics: UpstreamInstruments
    /// What is known of the endpoint in the configuration in force.
    var state: EndpointState
    let endpoint: Endpoint
    private let configuration: GatewayConfiguration.Upstream
    private let tls: UpstreamTLSContext?
    private unowned let loop: LoopContext
    /// The one released last is used first, so that what is not needed grows old and is closed.
    private var idle: [UpstreamHandler] = []
    private var waiting = FairQueue<IPAddress?, PoolTicket>()
    /// Those whose connection turned out to be stale: they have waited already.
    private var renewing = CircularBuffer<PoolTicket>()
    private var pendingTickets: Int { waiting.count + renewing.count }
    private var open = IntrusiveSet<UpstreamHandler>()
    /// Open ones and those being opened.
    private var connections = 0
    private var connecting = 0
    private var isStopped = false
    /// No new requests come: what is released is closed.
    private var isRetired = false
    /// The connections of gRPC calls, which need others.
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

    /// Whether the pool does for its endpoint in another configuration what a new one would.
    func serves(_ upstream: GatewaySettings.CompiledUpstream) -> Bool {
        var other = upstream.configuration
        // What says which endpoint is used, and not how.
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

    /// A connection that is not in use and that the upstream is not about to close.
    private func takeIdle(for client: any UpstreamClient) -> UpstreamHandler? {
        while let connection = idle.popLast() {
            if !isExpired(connection, loop.now), client.mayRepeat || !isKnownToBeClosed(connection) {
                return connection
            }
            connection.close()
        }
        return nil
    }

    /// A request that must not be sent twice is lost with the connection, so the kernel is asked as well; of Unix sockets
    /// it says nothing.
    private func isKnownToBeClosed(_ connection: UpstreamHandler) -> Bool {
        guard case .tcp = endpoint else { return false }
        return connection.isClosedByPeer
    }

    /// The queue is full: whoever has most of it gives a place to another client that has less.
    private func makeRoom(for network: IPAddress?) -> Bool {
        guard let longest = waiting.longest, longest.count > waiting.count(of: network) + 1,
            let ticket = waiting.popLast(of: longest.key)
        else { return false }
        ticket.isPending = false
        if let client = ticket.client {
            // Not at once: it may ask for its next request's connection meanwhile.
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

    /// Whose turn it is.
    private func nextClient(isNew: Bool) -> (any UpstreamClient)? {
        guard let ticket = (isNew ? renewing.popFirst() : nil) ?? waiting.popFirst() else { return nil }
        let client = ticket.client
        ticket.isPending = false
        ticket.client = nil
        return client
    }

    // MARK: connections

    /// Whether the endpoint has been asked for a connection and has not answered yet.
    var isConnecting: Bool { connecting > 0 }

    /// Opens as many connections as there are requests waiting that no opening connection is for.
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
            // Connecting may take longer than the gateway lives.
            withExtendedLifetime(loop) {}
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let box = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(loop.settings.timeouts.connect)
            .channelOption(.autoRead, value: false)
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            // Whether the client still keeps up is asked after each read.
            .channelOption(.maxMessagesPerRead, value: 1)
            // Large answers move in few reads; small ones never grow a buffer to that size.
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 256 * 1024)
            )
            // What the kernel holds is read at once when the upstream closes, whether a slow client takes it or not,
            // so this bounds what one such answer can cost.
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
            // Up to a fifth sooner, so that those opened together do not go together.
            let sooner = loop.random.next() % UInt64(max(1, age.nanoseconds / 5))
            connection.spentAt = loop.now + age - .nanoseconds(Int64(sooner))
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

    /// A connection that has carried a whole exchange serves the next one.
    func release(_ connection: UpstreamHandler) {
        if isStopped || connection.spentAt <= loop.now {
            connection.close()
        } else if pendingTickets == 0 {
            keep(connection)
        } else if let client = nextClient(isNew: false) {
            client.connected(connection)
        } else if connecting == 0, connections >= configuration.maximumConnections {
            // Those who wait need a new connection, and this one takes its place.
            connection.close()
        } else {
            keep(connection)
        }
    }

    private func keep(_ connection: UpstreamHandler) {
        guard !isRetired, !state.isDrained else { return connection.close() }
        connection.idleSince = loop.now
        // An upstream may have said that it keeps none.
        guard !isExpired(connection, loop.now) else { return connection.close() }
        idle.append(connection)
        connection.updateReading()
    }

    /// A connection is gone, or about to be: its place is free.
    func removed(_ connection: UpstreamHandler) {
        guard connection.isPooled else { return }
        connection.isPooled = false
        connections -= 1
        _ = open.remove(connection)
        if let index = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: index) }
        refill()
    }

    /// Opens connections for those who wait, on the next turn of the loop: a request that must be sent again comes
    /// first, and an address that refuses at once must not recurse through the whole queue.
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
        return connection.idleSince + limit <= now || connection.spentAt <= now
    }

    /// When all connections that there may be are held and others wait, clients that hold more than their share give back
    /// what waits for them.
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

    /// One line about an upstream that gave no whole answer.
    func logFault(_ reason: String, isReused: Bool, requestID: [UInt8]?) {
        loop.settings.logger.warning(
            "upstream gave no whole answer",
            metadata: [
                "upstream": "\(configuration.name)", "endpoint": "\(endpoint)",
                "connection": isReused ? "reused" : "new", "reason": "\(reason)",
                "request_id": "\(requestID.map { String(decoding: $0, as: UTF8.self) } ?? "-")",
            ])
    }

    /// The configuration no longer knows the upstream. Requests that have it still get their answers.
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
