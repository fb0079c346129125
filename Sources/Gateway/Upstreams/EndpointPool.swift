import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import NIOPosix

/// A request's place in the queue for a connection.
final class PoolTicket {
    fileprivate var client: (any UpstreamClient)?
    /// Only a new connection will do: the last one turned out to be stale.
    fileprivate let needsNewConnection: Bool
    fileprivate(set) var isPending = true

    fileprivate init(client: any UpstreamClient, needsNewConnection: Bool) {
        self.client = client
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

    private let connectErrors: Counter
    /// What is known of the endpoint in the configuration in force.
    var state: EndpointState
    let endpoint: Endpoint
    private let configuration: GatewayConfiguration.Upstream
    private let tls: UpstreamTLS?
    private unowned let loop: LoopContext
    /// The one released last is used first, so that what is not needed grows old and is closed.
    private var idle: [UpstreamHandler] = []
    private var waiting: [PoolTicket] = []
    private var waitingStart = 0
    private var pendingTickets = 0
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

    init(_ state: EndpointState, upstream: GatewaySettings.Upstream, loop: LoopContext) {
        connectErrors = loop.metrics.connectErrors(upstream.configuration.name)
        self.state = state
        endpoint = state.endpoint
        configuration = upstream.configuration
        tls = upstream.tls
        self.loop = loop
    }

    /// Whether the pool does for its endpoint in another configuration what a new one would.
    func serves(_ upstream: GatewaySettings.Upstream) -> Bool {
        var other = upstream.configuration
        // What says which endpoint is used, and not how.
        other.endpoints = self.configuration.endpoints
        other.weights = self.configuration.weights
        other.discovery = self.configuration.discovery
        other.balance = self.configuration.balance
        other.health = self.configuration.health
        other.breaker = self.configuration.breaker
        other.concurrency = self.configuration.concurrency
        return other == self.configuration && upstream.tls == tls
    }

    // MARK: requests

    func acquire(for client: any UpstreamClient, needsNewConnection: Bool = false) -> Acquisition {
        if !needsNewConnection, let connection = idle.popLast() { return .ready(connection) }
        guard !isStopped,
            connections < configuration.maximumConnections || pendingTickets < configuration.maximumWaiting
        else { return .full }
        let ticket = PoolTicket(client: client, needsNewConnection: needsNewConnection)
        waiting.append(ticket)
        pendingTickets += 1
        openForWaiting()
        return .waiting(ticket)
    }

    /// The client no longer waits.
    func cancel(_ ticket: PoolTicket) {
        guard ticket.isPending else { return }
        ticket.isPending = false
        ticket.client = nil
        pendingTickets -= 1
        if waiting.count > 2 * pendingTickets + 64 {
            waiting = waiting.filter(\.isPending)
            waitingStart = 0
        }
    }

    /// The client that has waited longest.
    private func nextClient(where isSuitable: (PoolTicket) -> Bool = { _ in true }) -> (any UpstreamClient)? {
        while waitingStart < waiting.count, !waiting[waitingStart].isPending { waitingStart += 1 }
        guard let ticket = waiting[waitingStart...].first(where: { $0.isPending && isSuitable($0) }) else { return nil }
        let client = ticket.client
        cancel(ticket)
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
            open()
        }
    }

    private func open() {
        let loop = self.loop
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
        let channel =
            tls?.connect(bootstrap, to: endpoint, on: loop.eventLoop, timeout: loop.settings.timeouts.connect)
            ?? endpoint.connect(bootstrap)
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

    private func opened(_ connection: UpstreamHandler) {
        connecting -= 1
        connection.isPooled = true
        guard !isStopped else { return connection.close() }
        if let client = nextClient() {
            client.connected(connection)
        } else {
            keep(connection)
        }
    }

    private func openFailed(_ error: any Error) {
        connectErrors.increment()
        connecting -= 1
        connections -= 1
        loop.settings.logger.warning(
            "cannot connect to upstream",
            metadata: ["upstream": "\(configuration.name)", "endpoint": "\(endpoint)", "error": "\(error)"])
        if let client = nextClient() {
            let timedOut = if case .connectTimeout? = error as? ChannelError { true } else { false }
            client.connectionFailed(timedOut: timedOut)
        }
        refill()
    }

    /// A connection that has carried a whole exchange serves the next one.
    func release(_ connection: UpstreamHandler) {
        if isStopped {
            connection.close()
        } else if pendingTickets == 0 {
            keep(connection)
        } else if let client = nextClient(where: { !$0.needsNewConnection }) {
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
        idle.append(connection)
        connection.updateReading()
    }

    /// A connection is gone, or about to be: its place is free.
    func removed(_ connection: UpstreamHandler) {
        guard connection.isPooled else { return }
        connection.isPooled = false
        connections -= 1
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
        let limit = now - loop.settings.timeouts.upstreamIdle
        let old = idle.prefix { $0.idleSince <= limit }
        guard !old.isEmpty else { return }
        let expired = Array(old)
        idle.removeFirst(expired.count)
        for connection in expired { connection.close() }
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
