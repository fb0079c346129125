import MartletTelemetry

/// The metrics of an upstream across its endpoints.
struct UpstreamInstruments {
    let connectErrors: Counter
    /// Requests resent on a new connection because the idle one had been closed.
    let sentAgain: Counter
    /// Requests lost with a closed idle connection because they must not be sent twice.
    let stale: Counter
    let retriesSent: Counter
    let retriesRefused: Counter
    /// Connections taken away from slow clients.
    let gaveWay: Counter

    init(_ upstream: String, _ registry: MetricsRegistry) {
        let label = ("upstream", upstream)
        connectErrors = registry.counter(
            "gateway_upstream_connect_errors_total", help: "Failed connections to an upstream.", labels: [label])
        func stale(_ outcome: String) -> Counter {
            registry.counter(
                "gateway_upstream_stale_connections_total",
                help: "Idle connections that the upstream closed as a request was sent.",
                labels: [label, ("outcome", outcome)])
        }
        sentAgain = stale("sent_again")
        self.stale = stale("failed")
        func retries(_ outcome: String) -> Counter {
            registry.counter(
                "gateway_upstream_retries_total",
                help: "Retries of failed requests, sent or refused by the budget.",
                labels: [label, ("outcome", outcome)])
        }
        retriesSent = retries("sent")
        retriesRefused = retries("refused")
        gaveWay = registry.counter(
            "gateway_upstream_connections_taken_back_total",
            help: "Connections taken from slow clients that held more than their share while others waited.",
            labels: [label])
    }
}

/// The outcomes of the requests sent to an endpoint.
struct AttemptCounters {
    private let succeeded: Counter
    private let failed: Counter
    private let abandoned: Counter
    private let truncated: Counter

    init(_ counter: (_ outcome: String) -> Counter) {
        succeeded = counter("succeeded")
        failed = counter("failed")
        abandoned = counter("abandoned")
        truncated = counter("truncated")
    }

    func count(_ outcome: EndpointState.Outcome) {
        switch outcome {
        case .succeeded: succeeded.increment()
        case .failed: failed.increment()
        case .abandoned: abandoned.increment()
        case .truncated: truncated.increment()
        }
    }
}
