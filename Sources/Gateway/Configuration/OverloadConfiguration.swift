package import NIOCore

extension GatewayConfiguration {
    /// The most requests in progress at once across all event loops, and how many more may wait. Further requests get
    /// 503 at once.
    package struct Concurrency: Sendable, Equatable {
        package var limit: Int
        /// The most waiting requests. They are served in order of arrival. Default: 0.
        package var queue = 0
        /// How long a request waits before it gets 503, enforced to within one tick of ``Timeouts``. Default: 1 s.
        package var wait = TimeAmount.seconds(1)

        package init(limit: Int) { self.limit = limit }
    }

    /// When to refuse part of all requests with 503, so that the others are answered in time.
    package struct Overload: Sendable, Equatable {
        /// While an event loop lags by more than this, a growing part of its requests is refused. Nil disables it.
        package var lag: TimeAmount?
        /// The most requests in progress, divided among the event loops. From three quarters of it, a growing part of
        /// the requests is refused; at the limit, all are. Nil disables it.
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
