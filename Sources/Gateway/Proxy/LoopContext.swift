import MartletCore
import MartletSystem
import MartletTelemetry
import NIOCore

/// State shared by the connections of one event loop. Confined to that loop.
final class LoopContext {
    let eventLoop: any EventLoop
    private(set) var settings: GatewaySettings
    private(set) var upstreams: [UpstreamCluster] = []
    var metrics: GatewayMetrics
    var random: FastRandom
    /// The time of the last tick or request. Deadlines are computed from it, which saves a clock call each and makes
    /// them late by one tick at most.
    private(set) var now = NIODeadline.now()
    /// The `Date: …` line.
    private(set) var dateLine: [UInt8] = []
    private(set) var isDraining = false
    var runningLocalRequests = 0
    var deflaters = DeflaterPool()
    /// Upgraded connections.
    var tunnels = 0 {
        didSet { metrics.tunnels.add(tunnels - oldValue) }
    }

    /// Bytes of all request bodies kept for a retry.
    var keptBytes = 0
    /// The limit of ``keptBytes``. Beyond it, requests are sent once.
    static let maximumKeptBytes = 16 << 20
    /// Bytes of all bodies buffered before they are sent: those of gRPC calls and of upstreams that need a length, and
    /// the starts of others.
    var gatheredBytes = 0
    /// The limit of ``gatheredBytes``. Beyond it, requests that need buffering are refused and all others are streamed.
    static let maximumGatheredBytes = 64 << 20
    /// Bounds what HTTP/2 clients may send before upstreams read it.
    let receiveBudget = HTTP2ReceiveBudget()
    /// Nil when load is never shed.
    private(set) var shedder: LoadShedder?
    /// Requests admitted by the shedder that have not ended.
    var underWay = 0
    /// Counts shared limits in Redis; nil without Redis.
    private(set) var sharedLimits: SharedRateLimiter?

    /// Whether clients may use HTTP/2. Fixed until a restart, since TLS has already advertised it.
    let speaksHTTP2: Bool

    /// HTTP/1.1 connections and HTTP/2 streams.
    private var clients = IntrusiveSet<ClientHandler>()
    private var http2Connections = IntrusiveSet<HTTP2ConnectionHandler>()
    private var dateSecond = 0
    private var tickTask: RepeatedTask?
    private var lagTask: RepeatedTask?
    private var lagDue = NIODeadline.now()
    private let loopCount: Int
    private var drained: EventLoopPromise<Void>?

    /// - Parameter loopCount: the number of event loops.
    init(eventLoop: any EventLoop, settings: GatewaySettings, loopCount: Int = 1) {
        self.eventLoop = eventLoop
        self.loopCount = loopCount
        self.settings = settings
        speaksHTTP2 = settings.limits.streams > 0
        metrics = GatewayMetrics(registry: settings.registry, labels: settings.labels)
        random = FastRandom(seed: UInt64.random(in: .min ... .max))
        updateDate()
    }

    /// Call once, on the loop.
    func start() {
        upstreams = settings.upstreams.map { UpstreamCluster($0, loop: self) }
        openSharedLimits()
        watchLag()
        let tick = settings.timeouts.tick
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        tickTask = eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in bound.value.tick() }
    }

    /// Switches to reloaded settings. Requests in progress keep what they use; an upstream keeps its connections to
    /// endpoints that remain.
    func apply(_ settings: GatewaySettings) {
        var old = upstreams
        let (redis, overload) = (self.settings.configuration.redis, self.settings.configuration.overload)
        self.settings = settings
        if settings.configuration.overload != overload { watchLag() }
        if settings.configuration.redis != redis {
            sharedLimits?.close()
            openSharedLimits()
        }
        metrics.extend(settings.labels)
        upstreams = settings.upstreams.map { upstream in
            // TLS is compared as well: the files may have changed under the same names.
            if let index = old.firstIndex(where: {
                $0.configuration == upstream.configuration && $0.tls == upstream.tls
            }) {
                return old.remove(at: index)
            }
            let before = old.first { $0.configuration.name == upstream.configuration.name }
            return UpstreamCluster(upstream, loop: self, before: before)
        }
        for cluster in old { cluster.retire() }
    }

    private func watchLag() {
        lagTask?.cancel()
        lagTask = nil
        shedder = settings.configuration.overload.map { LoadShedder($0, loops: loopCount) }
        guard shedder != nil else { return }
        let interval = LoadShedder.interval
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        lagDue = .now() + interval
        lagTask = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.observeLag()
        }
    }

    private func observeLag() {
        let now = NIODeadline.now()
        shedder?.observe(lag: (now - lagDue).nanoseconds)
        lagDue = now + LoadShedder.interval
    }

    /// Whether to refuse the next request.
    func sheds() -> Bool {
        guard let shedder else { return false }
        return shedder.refuses(underWay: underWay, chance: Double(random.next() >> 11) * 0x1p-53)
    }

    private func openSharedLimits() {
        sharedLimits = settings.configuration.redis.map {
            SharedRateLimiter(
                $0, eventLoop: eventLoop, health: settings.sharedLimitHealth, metrics: metrics, logger: settings.logger)
        }
    }

    /// Reads the clock and updates ``now``.
    func readClock() -> NIODeadline {
        now = .now()
        return now
    }

    private func tick() {
        let now = readClock()
        updateDate()
        // Collected first, since closing a connection changes the list.
        for client in clients.members.filter({ $0.deadline <= now }) { client.deadlinePassed() }
        for connection in http2Connections.members.filter({ $0.deadline <= now }) { connection.deadlinePassed() }
        for upstream in upstreams { upstream.tick(now) }
    }

    // MARK: clients

    /// Open client connections.
    private(set) var connectionCount = 0 {
        didSet { metrics.openConnections.add(connectionCount - oldValue) }
    }

    func add(_ client: ClientHandler) {
        clients.add(client)
        if !client.isStream { connectionCount += 1 }
    }

    func remove(_ client: ClientHandler) {
        guard clients.remove(client) else { return }
        if !client.isStream { connectionCount -= 1 }
        checkDrained()
    }

    func add(_ connection: HTTP2ConnectionHandler) {
        http2Connections.add(connection)
        connectionCount += 1
    }

    func remove(_ connection: HTTP2ConnectionHandler) {
        guard http2Connections.remove(connection) else { return }
        connectionCount -= 1
        checkDrained()
    }

    private func checkDrained() {
        if clients.isEmpty, http2Connections.isEmpty { drained?.succeed() }
    }

    // MARK: administration

    /// While draining, every response closes its connection.
    func setDraining(_ isDraining: Bool) {
        // A shutdown cannot be undone.
        guard drained == nil else { return }
        self.isDraining = isDraining
        if isDraining { endConnections() }
    }

    func closeIdle(_ endpoint: Endpoint, of upstream: String) {
        for cluster in upstreams where cluster.configuration.name == upstream { cluster.closeIdle(endpoint) }
    }

    // MARK: shutdown

    /// Lets requests in progress finish.
    /// - Returns: a future that succeeds when no client is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = drained ?? eventLoop.makePromise(of: Void.self)
        drained = promise
        endConnections()
        checkDrained()
        return promise.futureResult
    }

    /// Makes every connection close after its responses in progress.
    private func endConnections() {
        for client in clients.members { client.drain() }
        for connection in http2Connections.members { connection.drain() }
    }

    /// Closes what remains.
    func stop() {
        tickTask?.cancel()
        lagTask?.cancel()
        sharedLimits?.close()
        sharedLimits = nil
        for client in clients.members { client.close() }
        for connection in http2Connections.members { connection.close() }
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
