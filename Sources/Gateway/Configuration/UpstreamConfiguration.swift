package import MartletCore
package import NIOCore

extension GatewayConfiguration {
    /// A group of servers that answer the same requests.
    package struct Upstream: Sendable, Equatable {
        /// The name that routes and metrics use.
        package var name: String
        /// The known endpoints. With ``discovery`` these are the ones found, which may be none for a while.
        package var endpoints: [Endpoint]
        /// Where to look up the endpoints; nil means that ``endpoints`` is fixed.
        package var discovery: Discovery?
        /// The weights of the endpoints, in their order; a missing one is 1.
        package var weights: [Int] = []
        /// TLS to all endpoints; nil means plain HTTP.
        package var tls: UpstreamTLS?
        package var balance = Balance.roundRobin
        /// Active health checks; nil sends none.
        package var health: HealthCheck?
        /// Takes failing endpoints out of use for a while; nil never does.
        package var breaker: Breaker? = Breaker()
        /// The `Host` field sent to the upstream.
        package var host = Host.preserve
        /// The longest body in bytes that is buffered so that it can be sent with its length, for servers that do not
        /// accept chunked bodies. Longer chunked bodies get 413; bodies with a `Content-Length` are streamed whatever
        /// their length. Nil buffers nothing.
        package var bufferedBody: Int?
        /// How long connections are kept.
        package var keepAlive = KeepAlive()
        /// The most connections of one event loop to one endpoint. When all are in use and requests wait, a slow client
        /// holds at most its fair share of them. Default: 128.
        package var maximumConnections: Int
        /// The most requests of one event loop waiting for a connection; further ones get 503. Default: 1024.
        package var maximumWaiting: Int
        /// The most requests in progress across all endpoints and event loops; nil means no limit.
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
        /// The better of two random endpoints: the one with fewer requests in progress for its weight.
        case leastConnections
        /// The better of two random endpoints: the one with the lower product of recent latency and requests in
        /// progress. A latency peak counts at once and decays slowly.
        case peakEWMA
        /// The same endpoint for the same key. When an endpoint leaves, only its keys move.
        case consistentHash(HashKey)

        package enum HashKey: Sendable, Equatable {
            case client
            case header(String)
            case cookie(String)
        }
    }

    /// The `Host` field sent to an upstream. `X-Forwarded-Host` and `Forwarded` always carry the client's.
    package enum Host: Sendable, Equatable {
        /// The client's.
        case preserve
        /// The endpoint's host and port.
        case upstream
        /// A fixed name.
        case literal(String)
    }

    /// How long connections to an upstream are kept open.
    package struct KeepAlive: Sendable, Equatable {
        /// How long a connection may be idle; ``Timeouts/upstreamIdle`` when nil. The upstream can shorten it with
        /// `Keep-Alive: timeout=`. It must be shorter than the upstream's own limit: a request that arrives while the
        /// upstream closes the connection is lost unless it may be sent twice.
        package var idle: TimeAmount?
        /// The longest time a connection is used, so that a changed DNS name takes effect; nil means no limit. Default:
        /// 5 min.
        package var maximumAge: TimeAmount? = .minutes(5)

        package init() {}
    }

    /// Active health checks of an endpoint.
    package struct HealthCheck: Sendable, Equatable {
        package var path: String
        /// The `Host` field. When nil, ``Upstream/host`` if it is a fixed name, else the endpoint's name.
        package var host: String?
        /// Additional request fields.
        package var headers: [String: String] = [:]
        /// Statuses of a healthy endpoint. Default: 200 to 399.
        package var statuses: [ClosedRange<Int>] = [200...399]
        /// The time between two checks, with a jitter of a tenth so that gateways do not check in step. Default: 5 s.
        package var interval = TimeAmount.seconds(5)
        package var timeout = TimeAmount.seconds(2)
        /// Successes in a row that make an endpoint healthy. Default: 2.
        package var healthyThreshold = 2
        /// Failures in a row that make an endpoint unhealthy. Default: 3.
        package var unhealthyThreshold = 3

        package init(path: String) { self.path = path }
    }

    /// A circuit breaker for each endpoint. After a number of failures in a row (no connection, an invalid response,
    /// 502, 503, 504) the endpoint gets no requests, then a single trial request, and normal traffic once that
    /// succeeds.
    package struct Breaker: Sendable, Hashable {
        package var failures = 5
        /// How long the breaker stays open the first time; doubles with each failed trial. Default: 5 s.
        package var openFor = TimeAmount.seconds(5)
        package var maximumOpenFor = TimeAmount.minutes(5)
        /// The most endpoints out of use, as a percentage. When more fail, the fault is elsewhere and all are used.
        /// With 100, an upstream whose endpoints all fail answers 503 at once.
        package var maximumEjected = 50

        package init() {}
    }
}
