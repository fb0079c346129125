import MartletTelemetry

/// What is counted of an upstream, whatever the endpoint.
struct UpstreamInstruments {
    let connectErrors: Counter
    /// Requests that went out again on a new connection, as the kept one was closed when they came.
    let sentAgain: Counter
    /// Requests that were lost with a kept connection, as they must not be sent twice.
    let stale: Counter
    let retriesSent: Counter
    let retriesRefused: Counter
    /// Connections that clients had to give back.
    let gaveWay: Counter

    init(_ upstream: String, _ registry: MetricsRegistry) {
        let label = ("upstream", upstream)
        connectErrors = registry.counter(
            "gateway_upstream_connect_errors_total", help: "Connections to an upstream that failed.", labels: [label])
        func stale(_ outcome: String) -> Counter {
            registry.counter(
                "gateway_upstream_stale_connections_total",
                help: "Kept connections that the upstream closed when a request was sent on them.",
                labels: [label, ("outcome", outcome)])
        }
        sentAgain = stale("sent_again")
        self.stale = stale("failed")
        func retries(_ outcome: String) -> Counter {
            registry.counter(
                "gateway_upstream_retries_total",
                help: "Requests that failed and could be sent again: whether the budget let them.",
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

/// What became of the requests that were sent to an endpoint.
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
