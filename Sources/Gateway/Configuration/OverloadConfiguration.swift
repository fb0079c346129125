package import NIOCore

extension GatewayConfiguration {
    /// How many requests may be under way at once, on all event loops together, and how many more may wait for it. The
    /// others are answered with 503 at once.
    package struct Concurrency: Sendable, Equatable {
        package var limit: Int
        /// Requests that wait, in the order in which they came.
        package var queue = 0
        /// How long one waits; 503 then. Late by at most a tick of ``Timeouts``.
        package var wait = TimeAmount.seconds(1)

        package init(limit: Int) { self.limit = limit }
    }

    /// When the gateway refuses a part of all requests with 503, to answer the others in time.
    package struct Overload: Sendable, Equatable {
        /// While an event loop is later than this, a growing part of its requests is refused.
        package var lag: TimeAmount?
        /// Requests that are under way at once, divided among the event loops. From three quarters of them on a growing
        /// part is refused, and when there are so many, all.
        package var requests: Int?

        package init() {}
    }
}

extension GatewayConfiguration.Concurrency {
    init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["limit", "queue", "wait"], such: "{limit: 20}") else { return nil }
        let limit = fields.required("limit")?.integer(1...1_000_000)
        self.init(limit: limit ?? 1)
        queue = fields["queue"]?.integer(0...100_000) ?? queue
        wait = fields["wait"]?.duration(.milliseconds(1)...(.minutes(1))) ?? wait
        if limit == nil { return nil }
    }
}

extension GatewayConfiguration.Overload {
    init?(_ node: ConfigNode) {
        self.init()
        guard let fields = node.mapping(["lag", "requests"], such: "{lag: 100ms}") else { return nil }
        lag = fields["lag"]?.duration(.milliseconds(1)...(.minutes(1)))
        requests = fields["requests"]?.integer(1...10_000_000)
        if fields.members.isEmpty { node.fail("needs lag, requests or both") }
    }
}
