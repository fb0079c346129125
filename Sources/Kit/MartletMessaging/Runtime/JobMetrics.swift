import MartletCore
import MartletTelemetry
import Synchronization

/// The metrics of a service's jobs and events.
struct JobMetrics: Sendable {
    private let registry: MetricsRegistry
    private let service: String
    let published: Counter
    let received: Counter
    let duplicates: Counter
    let lost: Counter
    let leasesLost: Counter
    private let unpublished: Gauge
    private let unpublishedAge: Gauge
    private let attempts = AttemptInstruments()

    init(_ registry: MetricsRegistry, service: String) {
        self.registry = registry
        self.service = service
        let labels = [("service", service)]
        published = registry.counter("events_published_total", help: "Events handed to the broker.", labels: labels)
        received = registry.counter("events_received_total", help: "Events received for a handler.", labels: labels)
        duplicates = registry.counter(
            "events_duplicate_total", help: "Events received again, and dropped.", labels: labels)
        lost = registry.counter(
            "events_lost_total", help: "Missing events that a subject no longer waits for.", labels: labels)
        leasesLost = registry.counter(
            "job_leases_lost_total", help: "Attempts that ended after another process had taken the job.",
            labels: labels)
        unpublished = registry.gauge("outbox_events", help: "Events that the broker does not have yet.", labels: labels)
        unpublishedAge = registry.gauge(
            "outbox_oldest_seconds", help: "The age of the oldest event that the broker does not have yet.",
            labels: labels)
    }

    /// Counts an attempt.
    /// - Parameter outcome: `completed`, `failed`, `dead`, `cancelled`, `released` or `lost`.
    func count(_ job: JobRow, _ outcome: String, took duration: Duration) {
        let instruments = attempts.of(job, outcome) {
            let labels = [("service", service), ("kind", job.kind), ("queue", job.queue)]
            return (
                registry.counter(
                    "job_attempts_total", help: "Attempts of jobs, by their outcome.",
                    labels: labels + [("outcome", outcome)]),
                registry.histogram("job_duration_seconds", help: "The run time of attempts.", labels: labels)
            )
        }
        instruments.count.increment()
        instruments.duration.observe(duration)
    }

    /// How many jobs there are, by queue and state.
    func set(_ depth: [QueueDepth]) {
        registry.remove("jobs") { $0.contains { $0.0 == "service" && $0.1 == service } }
        registry.remove("job_oldest_seconds") { $0.contains { $0.0 == "service" && $0.1 == service } }
        for row in depth {
            let labels = [("service", service), ("queue", row.queue), ("state", row.state)]
            registry.gauge("jobs", help: "Unfinished jobs.", labels: labels).set(Int(row.count))
            registry.gauge(
                "job_oldest_seconds", help: "How long the job that is due longest has been due.", labels: labels
            ).set(row.seconds)
        }
    }

    func set(unpublished count: Int, oldest seconds: Int) {
        unpublished.set(count)
        unpublishedAge.set(seconds)
    }
}

/// The number of jobs of a queue in a state.
struct QueueDepth: Decodable, Sendable {
    let queue: String
    let state: String
    let count: Int64
    let oldest: Timestamp?
    let now: Timestamp

    var seconds: Int { oldest.map { max(0, Int(now.secondsSince1970 - $0.secondsSince1970)) } ?? 0 }
}

/// The instruments of attempts. Looking one up in the registry takes longer than a short job.
private final class AttemptInstruments: Sendable {
    typealias Pair = (count: Counter, duration: Histogram)

    private struct Key: Hashable {
        let kind: String
        let outcome: String
    }

    private let known = Mutex<[Key: Pair]>([:])

    func of(_ job: JobRow, _ outcome: String, _ make: () -> Pair) -> Pair {
        let key = Key(kind: job.kind, outcome: outcome)
        if let pair = known.withLock({ $0[key] }) { return pair }
        let pair = make()
        known.withLock { $0[key] = pair }
        return pair
    }
}
