import MartletTelemetry

/// The metrics label of a request: a configured route or one of the gateway's own responses. Never a raw path, so
/// clients cannot increase the number of series.
struct RouteLabel: Equatable, Sendable {
    let slot: Int

    /// Requests that could not be parsed.
    static let invalid = RouteLabel(slot: 0)
    /// Requests that match nothing.
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
            "gateway_requests_shed_total", help: "Requests refused because the gateway was overloaded.")
        concurrencyRefusals = registry.counter(
            "gateway_concurrency_refusals_total", help: "Requests refused by a concurrency limit.")
        func violations(_ scope: String) -> Counter {
            registry.counter(
                "gateway_http2_violations_total", help: "HTTP/2 streams and connections ended for violations.",
                labels: [("scope", scope)])
        }
        malformedStreams = violations("stream")
        malformedConnections = violations("connection")
        tunnels = registry.gauge("gateway_tunnels", help: "Open connections upgraded to another protocol.")
        openConnections = registry.gauge("gateway_connections", help: "Open client connections.")
    }

    /// Takes the labels of a reloaded configuration. Slots keep their meaning.
    mutating func extend(_ labels: [String]) {
        let changed = Set(zip(self.labels, labels).enumerated().filter { $1.0 != $1.1 }.map(\.offset))
        self.labels = labels
        durations += Array(repeating: nil, count: max(0, labels.count - durations.count))
        guard !changed.isEmpty else { return }
        // These slots belong to other routes now, or to none.
        for slot in changed { durations[slot] = nil }
        requests = requests.filter { !changed.contains($0.key >> 16) }
        cached = cached.filter { !changed.contains($0.key >> 4) }
    }

    /// Stops exporting the series of removed routes.
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
            // Created on first use: most combinations never occur.
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
                help: "Seconds from the end of the request head to the end of the response.",
                labels: [("route", labels[slot])])
        durations[slot] = histogram
        histogram.observe(seconds: Double(nanoseconds) / 1e9)
    }

    private static let attemptsName = "gateway_upstream_attempts_total"

    /// Stops exporting the series of removed endpoints: discovery replaces endpoints all the time.
    /// - Parameter endpoints: the endpoints by upstream.
    static func forget(endpoints: [String: Set<String>], in registry: MetricsRegistry) {
        guard !endpoints.isEmpty else { return }
        registry.remove(attemptsName) { labels in
            guard let upstream = labels.first(where: { $0.0 == "upstream" })?.1,
                let endpoint = labels.first(where: { $0.0 == "endpoint" })?.1
            else { return false }
            return endpoints[upstream]?.contains(endpoint) == true
        }
    }

    /// Counts the cache outcome of a request.
    mutating func record(_ outcome: CacheOutcome, _ label: RouteLabel) {
        let slot = label.slot < labels.count ? label.slot : RouteLabel.unmatched.slot
        let key = slot << 4 | Int(outcome.rawValue)
        let counter =
            cached[key]
            ?? registry.counter(
                Self.cachedName, help: "Requests to routes with a cache, by outcome.",
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

    func concurrencyRefused() { concurrencyRefusals.increment() }

    /// A client sent a malformed HTTP/2 request.
    func streamWasMalformed() { malformedStreams.increment() }

    /// A client broke the HTTP/2 protocol on its connection, or flooded the gateway within it.
    func connectionWasMalformed() { malformedConnections.increment() }

    func rateLimitFallbacks() -> Counter {
        registry.counter(
            "gateway_rate_limit_fallbacks_total",
            help: "Requests against shared limits counted in this process because Redis was unavailable.")
    }

    func upstream(_ name: String) -> UpstreamInstruments { UpstreamInstruments(name, registry) }
}
