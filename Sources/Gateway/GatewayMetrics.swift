import MartletTelemetry

/// Which instruments a request counts on: a route of the configuration or one of the gateway's own answers. Never a
/// raw path, so the number of series is bounded whatever clients ask for.
struct RouteLabel: Equatable, Sendable {
    let slot: Int

    /// Requests that could not be understood.
    static let invalid = RouteLabel(slot: 0)
    /// Requests that nothing answers.
    static let unmatched = RouteLabel(slot: 1)
    static let site = RouteLabel(slot: 2)
}

/// The gateway's instruments for one event loop.
struct GatewayMetrics {
    private let registry: MetricsRegistry
    private var labels: [String]
    private var requests: [Int: Counter] = [:]
    private var durations: [Histogram?]
    private var cached: [Int: Counter] = [:]
    let openConnections: Gauge
    let tunnels: Gauge
    private let shed: Counter
    private let concurrencyRefusals: Counter
    private let malformedStreams: Counter
    private let malformedConnections: Counter

    init(registry: MetricsRegistry, labels: [String]) {
        self.registry = registry
        self.labels = labels
        durations = Array(repeating: nil, count: labels.count)
        shed = registry.counter(
            "gateway_requests_shed_total", help: "Requests refused so that the others are answered in time.")
        concurrencyRefusals = registry.counter(
            "gateway_concurrency_refusals_total", help: "Requests for which a concurrency limit had no room in time.")
        func violations(_ scope: String) -> Counter {
            registry.counter(
                "gateway_http2_violations_total", help: "Ended because the client broke the rules of HTTP/2.",
                labels: [("scope", scope)])
        }
        malformedStreams = violations("stream")
        malformedConnections = violations("connection")
        tunnels = registry.gauge("gateway_tunnels", help: "Connections that speak another protocol than HTTP.")
        openConnections = registry.gauge("gateway_connections", help: "Client connections that are open.")
    }

    /// The configuration has been read again. Slots stay what they were.
    mutating func extend(_ labels: [String]) {
        let changed = Set(zip(self.labels, labels).enumerated().filter { $1.0 != $1.1 }.map(\.offset))
        self.labels = labels
        durations += Array(repeating: nil, count: max(0, labels.count - durations.count))
        guard !changed.isEmpty else { return }
        // Those slots are other routes' now, or nobody's.
        for slot in changed { durations[slot] = nil }
        requests = requests.filter { !changed.contains($0.key >> 16) }
        cached = cached.filter { !changed.contains($0.key >> 4) }
    }

    /// Routes are gone: nobody asks for what was counted of them.
    static func forget(routes: Set<String>, in registry: MetricsRegistry) {
        guard !routes.isEmpty else { return }
        for name in [requestsName, durationsName, cachedName] {
            registry.remove(name) { labels in labels.contains { $0.0 == "route" && routes.contains($0.1) } }
        }
    }

    private static let requestsName = "gateway_requests_total"
    private static let durationsName = "gateway_request_duration_seconds"
    private static let cachedName = "gateway_cache_requests_total"

    mutating func record(_ method: RequestMethod, _ label: RouteLabel, status: Int, nanoseconds: UInt64) {
        let slot = label.slot < labels.count ? label.slot : RouteLabel.unmatched.slot
        let key = slot << 16 | Int(method.rawValue) << 12 | (status & 0xFFF)
        if let counter = requests[key] {
            counter.increment()
        } else {
            // Resolved when the combination first occurs: most never do.
            let counter = registry.counter(
                Self.requestsName, help: "Requests answered.",
                labels: [("method", method.label), ("route", labels[slot]), ("status", String(status))])
            counter.increment()
            requests[key] = counter
        }
        let histogram =
            durations[slot]
            ?? registry.histogram(
                Self.durationsName,
                help: "From the end of the request's head to the end of the answer.",
                labels: [("route", labels[slot])])
        durations[slot] = histogram
        histogram.observe(seconds: Double(nanoseconds) / 1e9)
    }

    private static let attemptsName = "gateway_upstream_attempts_total"

    /// Endpoints are gone: where they are discovered others come all the time, and nobody asks for the old ones.
    /// - Parameter endpoints: by their upstreams.
    static func forget(endpoints: [String: Set<String>], in registry: MetricsRegistry) {
        guard !endpoints.isEmpty else { return }
        registry.remove(attemptsName) { labels in
            guard let upstream = labels.first(where: { $0.0 == "upstream" })?.1,
                let endpoint = labels.first(where: { $0.0 == "endpoint" })?.1
            else { return false }
            return endpoints[upstream]?.contains(endpoint) == true
        }
    }

    /// Counts what a route's cache did for a request.
    mutating func record(_ outcome: CacheOutcome, _ label: RouteLabel) {
        let slot = label.slot < labels.count ? label.slot : RouteLabel.unmatched.slot
        let key = slot << 4 | Int(outcome.rawValue)
        let counter =
            cached[key]
            ?? registry.counter(
                Self.cachedName, help: "Requests to routes that keep answers.",
                labels: [("route", labels[slot]), ("outcome", "\(outcome)")])
        cached[key] = counter
        counter.increment()
    }

    func attempts(_ upstream: String, endpoint: String, outcome: String) -> Counter {
        registry.counter(
            Self.attemptsName, help: "Requests sent to an endpoint.",
            labels: [("upstream", upstream), ("endpoint", endpoint), ("outcome", outcome)])
    }

    func requestShed() { shed.increment() }

    /// A concurrency limit had no room for a request in time.
    func requestTurnedAway() { concurrencyRefusals.increment() }

    /// A client sent a request over HTTP/2 that is none.
    func streamWasMalformed() { malformedStreams.increment() }

    /// A client broke the rules of HTTP/2, or flooded the gateway by them.
    func connectionWasMalformed() { malformedConnections.increment() }

    func rateLimitFallbacks() -> Counter {
        registry.counter(
            "gateway_rate_limit_fallbacks_total",
            help: "Requests against shared limits that were counted here alone, as Redis did not.")
    }

    func upstream(_ name: String) -> UpstreamInstruments { UpstreamInstruments(name, registry) }
}
