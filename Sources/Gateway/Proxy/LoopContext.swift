#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import MartletTelemetry
import NIOCore

/// What the connections of one event loop share. Confined to that loop.
final class LoopContext {
    let eventLoop: any EventLoop
    private(set) var settings: GatewaySettings
    private(set) var upstreams: [UpstreamCluster] = []
    var metrics: GatewayMetrics
    var random: FastRandom
    /// The time of the last tick or request. Deadlines are set from it, which saves a clock call for each and makes
    /// them late by at most a tick.
    private(set) var now = NIODeadline.now()
    /// `Date: …` as a line.
    private(set) var dateLine: [UInt8] = []
    private(set) var isDraining = false
    var runningLocalRequests = 0
    var deflaters = DeflaterPool()
    /// Connections that speak another protocol now.
    var tunnels = 0 {
        didSet { metrics.tunnels.add(tunnels - oldValue) }
    }

    /// Asks Redis; nil without one.
    private(set) var sharedLimits: SharedRateLimiter?

    private var clients: [ClientHandler] = []
    private var dateSecond = 0
    private var tickTask: RepeatedTask?
    private var drained: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, settings: GatewaySettings) {
        self.eventLoop = eventLoop
        self.settings = settings
        metrics = GatewayMetrics(registry: settings.registry, labels: settings.labels)
        random = FastRandom(seed: UInt64.random(in: .min ... .max))
        updateDate()
    }

    /// Must be called on the loop, once.
    func start() {
        upstreams = settings.upstreams.map { UpstreamCluster($0, loop: self) }
        openSharedLimits()
        let tick = settings.timeouts.tick
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        tickTask = eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in bound.value.tick() }
    }

    /// Takes up a configuration that has been read again. Requests under way keep what they have; an upstream that has
    /// not changed keeps its connections.
    func apply(_ settings: GatewaySettings) {
        var old = upstreams
        let redis = self.settings.configuration.redis
        self.settings = settings
        if settings.configuration.redis != redis {
            sharedLimits?.close()
            openSharedLimits()
        }
        metrics.extend(settings.labels)
        upstreams = settings.upstreams.map { upstream in
            if let index = old.firstIndex(where: { $0.configuration == upstream.configuration }) {
                return old.remove(at: index)
            }
            return UpstreamCluster(upstream, loop: self)
        }
        for cluster in old { cluster.retire() }
    }

    private func openSharedLimits() {
        sharedLimits = settings.configuration.redis.map {
            SharedRateLimiter(
                $0, eventLoop: eventLoop, health: settings.sharedLimitHealth, metrics: metrics, logger: settings.logger)
        }
    }

    /// The exact time, which also becomes ``now``.
    func readClock() -> NIODeadline {
        now = .now()
        return now
    }

    private func tick() {
        let now = readClock()
        updateDate()
        // Collected first: closing a connection changes the list.
        for client in clients.filter({ $0.deadline <= now }) { client.deadlinePassed() }
        for upstream in upstreams { upstream.tick(now) }
    }

    // MARK: clients

    var clientCount: Int { clients.count }

    func add(_ client: ClientHandler) {
        client.registryIndex = clients.count
        clients.append(client)
        metrics.openConnections.add(1)
    }

    func remove(_ client: ClientHandler) {
        let index = client.registryIndex
        guard clients.indices.contains(index), clients[index] === client else { return }
        let last = clients.count - 1
        if index != last {
            clients[index] = clients[last]
            clients[index].registryIndex = index
        }
        clients.removeLast()
        client.registryIndex = -1
        metrics.openConnections.add(-1)
        if clients.isEmpty { drained?.succeed() }
    }

    // MARK: shutdown

    /// Lets requests under way finish.
    /// - Returns: a future that succeeds when no client is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = drained ?? eventLoop.makePromise(of: Void.self)
        drained = promise
        for client in clients { client.drain() }
        if clients.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Closes what is left.
    func stop() {
        tickTask?.cancel()
        sharedLimits?.close()
        sharedLimits = nil
        for client in clients { client.close() }
        for upstream in upstreams { upstream.stop() }
    }

    // MARK: date

    private func updateDate() {
        var seconds = time(nil)
        guard Int(seconds) != dateSecond else { return }
        dateSecond = Int(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        dateLine = Array("Date: \(HTTPDate.text(parts))\r\n".utf8)
    }
}
