import NIOCore

/// One sending of a request to an endpoint.
struct UpstreamAttempt {
    let endpoint: Int
    let started: NIODeadline
    /// Whether the breaker and the balancer know what became of it. They do from the head of the answer on; the endpoint
    /// is at work until the answer's end.
    var isReported = false
    /// Whether a connection that had been used before broke, and a new one has taken its place.
    var hasNewConnection = false
}
