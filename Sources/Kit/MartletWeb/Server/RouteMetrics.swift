import MartletTelemetry
import Synchronization

/// The counters and the histogram of one route. Labels contain the route's template, never a raw path.
struct RouteMetrics: Sendable {
    private let registry: MetricsRegistry
    private let labels: [(String, String)]
    private let duration: Histogram
    private let counters = Counters()

    private final class Counters: Sendable {
        let byStatus = Mutex<[Int: Counter]>([:])
    }

    init(_ registry: MetricsRegistry, service: String, method: String, route: String) {
        self.registry = registry
        labels = [("service", service), ("method", method), ("route", route)]
        duration = registry.histogram(
            "http_request_duration_seconds", help: "Duration of requests.", labels: labels)
    }

    func count(_ status: Int, _ elapsed: Duration) {
        let counter = counters.byStatus.withLock { counters in
            if let known = counters[status] { return known }
            let made = registry.counter(
                "http_requests_total", help: "Requests by route and status.", labels: labels + [("status", "\(status)")]
            )
            counters[status] = made
            return made
        }
        counter.increment()
        duration.observe(elapsed)
    }
}
