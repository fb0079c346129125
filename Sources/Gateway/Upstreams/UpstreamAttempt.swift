import NIOCore

/// One attempt to send a request to an endpoint.
struct UpstreamAttempt {
    let endpoint: Int
    let started: NIODeadline
    /// The outcome already reported to the breaker and the balancer. It is known from the response's head on, while the
    /// endpoint stays busy until the response ends.
    var reported: EndpointState.Outcome?
    /// Whether a stale connection has been replaced with a new one.
    var hasNewConnection = false
}
