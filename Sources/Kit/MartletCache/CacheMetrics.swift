import MartletTelemetry

/// The metrics of one cache.
struct CacheMetrics: Sendable {
    /// From where a caller got a value. The raw value is the label.
    enum Result: String {
        /// The process's own copy.
        case hit
        /// The process's own copy, after its fresh window.
        case stale
        /// Redis.
        case shared
        /// It was computed, by this caller or another one.
        case miss
        /// Its key is too long to be cached.
        case bypass
    }

    let evictions: Counter
    let redisFailures: Counter
    private let entries: Gauge
    private let bytes: Gauge
    private let hit: Counter
    private let stale: Counter
    private let shared: Counter
    private let miss: Counter
    private let bypass: Counter
    private let computed: Counter
    private let failed: Counter

    init(_ registry: MetricsRegistry, service: String, cache: String) {
        let labels = [("service", service), ("cache", cache)]
        func requests(_ result: Result) -> Counter {
            registry.counter(
                "cache_requests_total", help: "Look-ups in a cache by result.",
                labels: labels + [("result", result.rawValue)])
        }
        func computations(_ result: String) -> Counter {
            registry.counter(
                "cache_computations_total", help: "Computations of a cache's values by result.",
                labels: labels + [("result", result)])
        }
        hit = requests(.hit)
        stale = requests(.stale)
        shared = requests(.shared)
        miss = requests(.miss)
        bypass = requests(.bypass)
        computed = computations("ok")
        failed = computations("error")
        evictions = registry.counter(
            "cache_evictions_total", help: "Values removed from memory to make room.", labels: labels)
        redisFailures = registry.counter(
            "cache_redis_failures_total", help: "Commands of a cache that Redis did not answer in time.",
            labels: labels)
        entries = registry.gauge("cache_entries", help: "Values in memory.", labels: labels)
        bytes = registry.gauge("cache_bytes", help: "Approximate size of the values in memory.", labels: labels)
    }

    func count(_ result: Result) {
        switch result {
        case .hit: hit.increment()
        case .stale: stale.increment()
        case .shared: shared.increment()
        case .miss: miss.increment()
        case .bypass: bypass.increment()
        }
    }

    func computed(_ isSuccess: Bool) { (isSuccess ? computed : failed).increment() }

    func set(entries: Int, bytes: Int) {
        self.entries.set(entries)
        self.bytes.set(bytes)
    }
}
