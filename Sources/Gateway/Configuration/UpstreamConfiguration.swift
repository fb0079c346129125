public import MartletCore
public import NIOCore

extension GatewayConfiguration {
    /// Servers that answer the same requests.
    public struct Upstream: Sendable, Equatable {
        /// The name that routes and metrics use.
        public var name: String
        /// Those that are known; with ``discovery`` they are found, and may be none for a while.
        public var endpoints: [Endpoint]
        /// Where the endpoints are learned; nil: they are always the same.
        public var discovery: Discovery?
        /// How much of the requests each endpoint gets, in their order; 1 where there is none.
        public var weights: [Int] = []
        /// Speaks TLS to all endpoints; plain HTTP when nil.
        public var tls: UpstreamTLS?
        public var balance = Balance.roundRobin
        /// Asks every endpoint from time to time how it is; nobody is asked when nil.
        public var health: HealthCheck?
        /// Leaves endpoints alone for a while that fail; nil: never.
        public var breaker: Breaker? = Breaker()
        /// Most connections of one event loop to one endpoint. Default 128.
        public var maximumConnections: Int
        /// Most requests of one event loop that wait for a connection; more are answered with 503. Default 1024.
        public var maximumWaiting: Int
        /// How many requests may be under way at all of its endpoints at once, on all event loops; as many as come when
        /// nil.
        public var concurrency: Concurrency?

        public init(name: String, endpoints: [Endpoint], maximumConnections: Int = 128, maximumWaiting: Int = 1024) {
            self.name = name
            self.endpoints = endpoints
            self.maximumConnections = maximumConnections
            self.maximumWaiting = maximumWaiting
        }
    }

    /// How an endpoint is chosen for a request.
    public enum Balance: Sendable, Equatable {
        /// In turn, by weight.
        case roundRobin
        /// The one of two drawn that has fewer requests under way for its weight.
        case leastConnections
        /// The one of two drawn that is likely to answer sooner: by its recent latency, where a peak counts at once
        /// and is forgotten slowly, times the requests under way.
        case peakEWMA
        /// The same endpoint for the same key; when one leaves, only its keys move.
        case consistentHash(HashKey)

        public enum HashKey: Sendable, Equatable {
            case client
            case header(String)
            case cookie(String)
        }
    }

    /// Requests that ask an endpoint how it is. 2xx and 3xx say that it is well.
    public struct HealthCheck: Sendable, Equatable {
        public var path: String
        /// Jittered by a tenth, so that gateways do not ask all at once.
        public var interval = TimeAmount.seconds(5)
        public var timeout = TimeAmount.seconds(2)
        /// Good answers in a row after which an endpoint is used again.
        public var healthyThreshold = 2
        /// Failures in a row after which it is not.
        public var unhealthyThreshold = 3

        public init(path: String) { self.path = path }
    }

    /// A circuit breaker for each endpoint: after so many failures in a row (no connection, no valid answer, 502, 503,
    /// 504) it gets no requests, then one to see, and more when that one has gone well.
    public struct Breaker: Sendable, Hashable {
        public var failures = 5
        /// How long it gets none, the first time; doubled each time that the one request fails.
        public var openFor = TimeAmount.seconds(5)
        public var maximumOpenFor = TimeAmount.minutes(5)
        /// Percent of an upstream's endpoints that may be left alone. When more fail, the fault is elsewhere, and all
        /// are used. With 100 an upstream whose endpoints all fail answers 503 at once.
        public var maximumEjected = 50

        public init() {}
    }
}
