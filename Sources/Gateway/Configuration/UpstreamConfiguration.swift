package import MartletCore
package import NIOCore

extension GatewayConfiguration {
    /// Servers that answer the same requests.
    package struct Upstream: Sendable, Equatable {
        /// The name that routes and metrics use.
        package var name: String
        /// Those that are known; with ``discovery`` they are found, and may be none for a while.
        package var endpoints: [Endpoint]
        /// Where the endpoints are learned; nil: they are always the same.
        package var discovery: Discovery?
        /// How much of the requests each endpoint gets, in their order; 1 where there is none.
        package var weights: [Int] = []
        /// Speaks TLS to all endpoints; plain HTTP when nil.
        package var tls: UpstreamTLS?
        package var balance = Balance.roundRobin
        /// Asks every endpoint from time to time how it is; nobody is asked when nil.
        package var health: HealthCheck?
        /// Leaves endpoints alone for a while that fail; nil: never.
        package var breaker: Breaker? = Breaker()
        /// What `Host` says to it.
        package var host = Host.preserve
        /// Longest body in bytes that is gathered before it is sent, so that the upstream is told its length: for servers that
        /// know no chunked bodies. Longer ones get 413, unless the client has told their length: those are sent as they
        /// arrive. Nil: nothing is gathered for it.
        package var bufferedBody: Int?
        /// How long connections are kept.
        package var keepAlive = KeepAlive()
        /// Most connections of one event loop to one endpoint. When all are held and others wait, no client keeps more than
        /// a fair share of them with what it sends or takes slowly. Default 128.
        package var maximumConnections: Int
        /// Most requests of one event loop that wait for a connection; more are answered with 503. Default 1024.
        package var maximumWaiting: Int
        /// How many requests may be under way at all of its endpoints at once, on all event loops; as many as come when
        /// nil.
        package var concurrency: Concurrency?

        package init(name: String, endpoints: [Endpoint], maximumConnections: Int = 128, maximumWaiting: Int = 1024) {
            self.name = name
            self.endpoints = endpoints
            self.maximumConnections = maximumConnections
            self.maximumWaiting = maximumWaiting
        }
    }

    /// How an endpoint is chosen for a request.
    package enum Balance: Sendable, Equatable {
        /// In turn, by weight.
        case roundRobin
        /// The one of two drawn that has fewer requests under way for its weight.
        case leastConnections
        /// The one of two drawn that is likely to answer sooner: by its recent latency, where a peak counts at once
        /// and is forgotten slowly, times the requests under way.
        case peakEWMA
        /// The same endpoint for the same key; when one leaves, only its keys move.
        case consistentHash(HashKey)

        package enum HashKey: Sendable, Equatable {
            case client
            case header(String)
            case cookie(String)
        }
    }

    /// What `Host` says to an upstream. `X-Forwarded-Host` and `Forwarded` say in any case what the client asked for.
    package enum Host: Sendable, Equatable {
        /// What the client asked for.
        case preserve
        /// The name of the endpoint: the host and port that it is reached by.
        case upstream
        /// Always this.
        case literal(String)
    }

    /// How long connections to an upstream are kept.
    package struct KeepAlive: Sendable, Equatable {
        /// How long one may be unused; ``Timeouts/upstreamIdle`` when nil, and less where the upstream says less by
        /// `Keep-Alive: timeout=`. Must be less than what the upstream itself allows: a request that comes when it closes
        /// the connection is lost if it must not be sent twice.
        package var idle: TimeAmount?
        /// How long one is used at the most, so that a name that leads elsewhere is looked up again; no end when nil.
        /// Default 5 min.
        package var maximumAge: TimeAmount? = .minutes(5)

        package init() {}
    }

    /// Requests that ask an endpoint how it is.
    package struct HealthCheck: Sendable, Equatable {
        package var path: String
        /// What `Host` says; when nil, what the upstream's own ``Upstream/host`` does, or else the endpoint's name.
        package var host: String?
        /// Further fields of the request.
        package var headers: [String: String] = [:]
        /// Statuses that say that it is well. Default 200 to 399.
        package var statuses: [ClosedRange<Int>] = [200...399]
        /// Jittered by a tenth, so that gateways do not ask all at once.
        package var interval = TimeAmount.seconds(5)
        package var timeout = TimeAmount.seconds(2)
        /// Good answers in a row after which an endpoint is used again.
        package var healthyThreshold = 2
        /// Failures in a row after which it is not.
        package var unhealthyThreshold = 3

        package init(path: String) { self.path = path }
    }

    /// A circuit breaker for each endpoint: after so many failures in a row (no connection, no valid answer, 502, 503,
    /// 504) it gets no requests, then one to see, and more when that one has gone well.
    package struct Breaker: Sendable, Hashable {
        package var failures = 5
        /// How long it gets none, the first time; doubled each time that the one request fails.
        package var openFor = TimeAmount.seconds(5)
        package var maximumOpenFor = TimeAmount.minutes(5)
        /// Percent of an upstream's endpoints that may be left alone. When more fail, the fault is elsewhere, and all
        /// are used. With 100 an upstream whose endpoints all fail answers 503 at once.
        package var maximumEjected = 50

        package init() {}
    }
}
