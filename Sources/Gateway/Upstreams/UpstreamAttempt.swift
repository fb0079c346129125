import NIOCore

/// One sending of a request to an endpoint.
struct UpstreamAttempt {
    let endpoint: Int
    let started: NIODeadline
    /// What the breaker and the balancer have been told became of it. They know from the head of the answer on; the
    /// endpoint is at work until the answer's end.
    var reported: EndpointState.Outcome?
    /// Whether a connection that had been used before broke, and a new one has taken its place.
    var hasNewConnection = false
}
