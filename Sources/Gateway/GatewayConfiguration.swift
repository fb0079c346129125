package import NIOCore

/// Where a gateway listens, where it sends requests, and its limits.
package struct GatewayConfiguration: Sendable {
    /// The address to listen on; `0.0.0.0` or `::` means every interface.
    package var host: String
    /// The TCP port; 0 lets the system choose one (see ``Gateway/bind()``).
    package var port: Int
    package var upstreams: [Upstream]
    package var routes: [RouteRule]
    /// Handlers by exact path, matched before any route. They receive `GET` and `HEAD` only.
    package var localRoutes: [String: LocalHandler]
    /// Handlers for `POST` by exact path. Bodies are limited to 16 KiB.
    package var localActions: [String: LocalHandler] = [:]
    /// The files to serve when no route matches.
    package var site: StaticSite?
    /// Path prefixes that the site never serves, so that an unknown API path gets a 404 problem instead of a page.
    package var apiPrefixes: [String]
    /// Peers whose `Forwarded` and `X-Forwarded-*` fields are trusted and extended. These fields are dropped from all
    /// others.
    package var trustedProxies: [AddressRange]
    /// The fraction of requests to log, from 0 to 1. Responses with status 500 and above are always logged.
    package var accessLogSample = 0.0
    /// TLS on the listener; nil means plain HTTP.
    package var tls: TLS?
    /// When to shed load; nil means never.
    package var overload: Overload?
    /// The Redis that counts shared rate limits. Required only by those.
    package var redis: Redis?
    package var limits: Limits
    package var timeouts: Timeouts

    package init(
        host: String = "127.0.0.1", port: Int = 8080, upstreams: [Upstream] = [], routes: [RouteRule] = [],
        localRoutes: [String: LocalHandler] = [:], site: StaticSite? = nil, apiPrefixes: [String] = ["/api"],
        trustedProxies: [AddressRange] = [], limits: Limits = Limits(), timeouts: Timeouts = Timeouts()
    ) {
        self.host = host
        self.port = port
        self.upstreams = upstreams
        self.routes = routes
        self.localRoutes = localRoutes
        self.site = site
        self.apiPrefixes = apiPrefixes
        self.trustedProxies = trustedProxies
        self.limits = limits
        self.timeouts = timeouts
    }
}

extension GatewayConfiguration {
    /// Limits on what a client may send. All sizes are in bytes.
    package struct Limits: Sendable {
        /// The longest request target; 414 beyond it. Default: 8 KiB.
        package var target = 8192
        /// The longest request head; 431 beyond it. Default: 32 KiB.
        package var head = 32_768
        /// The most header fields in a request; 431 beyond it. Default: 100.
        package var headers = 100
        /// The longest request body; 413 beyond it. Default: 10 MiB.
        package var requestBody = 10 * 1024 * 1024
        /// The lowest rate in bytes per second at which a client may send a body, see ``Timeouts/requestBody``.
        /// Default: 100.
        package var bodyRate = 100
        /// The most client connections at once; further ones are closed on arrival. Default: 16,384. The process's
        /// file-descriptor limit may lower it.
        package var connections = 16_384
        /// The most concurrent requests on one HTTP/2 connection (RFC 9113 §5.1.2); 0 disables HTTP/2. Default: 100.
        package var streams = 100
        /// The most upgraded connections, such as WebSockets, on one event loop; 503 beyond it. Default: 4,096.
        package var tunnels = 4096
        /// Memory for cached responses, in bytes. Responses being fetched may take as much again. Default: 64 MiB.
        package var cache = 64 * 1024 * 1024
        /// The most local handlers running at once for one event loop; 503 beyond it. Default: 64.
        package var localRequests = 64

        package init() {}
    }

    /// How long the gateway waits. A timer that ticks at least four times in the shortest of these, and at least four
    /// times a second, enforces them: a deadline is late by one tick at most.
    package struct Timeouts: Sendable {
        /// For a complete request head, from its first byte, and for the first byte on a new connection; 408. Default:
        /// 10 s.
        package var requestHead = TimeAmount.seconds(10)
        /// The window in which a request body must make progress: ``Limits/bodyRate`` bytes per second, and at least
        /// one byte; 408. Default: 30 s.
        package var requestBody = TimeAmount.seconds(30)
        /// For the next request on an idle client connection. Default: 75 s.
        package var keepAlive = TimeAmount.seconds(75)
        /// For a client that stops reading its response. A client that reads at ``leastResponseRate`` or faster is
        /// never timed out. Default: 60 s.
        package var responseWrite = TimeAmount.seconds(60)
        /// The lowest rate in bytes per second at which a client may read a response.
        static let leastResponseRate: Int64 = 100
        /// For an upstream connection, including the time in the queue; 503 or 504. Default: 5 s.
        package var connect = TimeAmount.seconds(5)
        /// From the end of the request to the first byte of the response; 504. Default: 60 s.
        package var firstByte = TimeAmount.seconds(60)
        /// Between two reads of a response. The client's connection is closed, since the response cannot be completed.
        /// Default: 60 s.
        package var responseBody = TimeAmount.seconds(60)
        /// For an upgraded connection without traffic in either direction. Default: 10 min.
        package var tunnel = TimeAmount.minutes(10)
        /// For an idle upstream connection. Default: 4 s, less than the 5 s after which many servers close theirs.
        package var upstreamIdle = TimeAmount.seconds(4)
        /// How long the gateway discards what a client still sends before it closes the connection, so that the client
        /// can read the response (RFC 9112 §9.6). Default: 2 s.
        package var linger = TimeAmount.seconds(2)
        /// How long a half-closed client connection waits for its response. It is indistinguishable from a client that
        /// has gone. Default: 10 s.
        package var halfClosed = TimeAmount.seconds(10)
        /// How long a shutdown waits for requests in progress. Default: 10 s.
        package var drain = TimeAmount.seconds(10)
        /// How long a shutdown keeps idle connections open, so that a request already on its way is answered. Default:
        /// 500 ms.
        package var drainIdle = TimeAmount.milliseconds(500)

        package init() {}

        /// The interval at which deadlines are checked.
        var tick: TimeAmount {
            let shortest =
                [
                    requestHead, requestBody, keepAlive, responseWrite, connect, firstByte, responseBody, upstreamIdle,
                    linger, halfClosed, drainIdle,
                ].min() ?? .seconds(1)
            return max(.milliseconds(5), min(.milliseconds(250), .nanoseconds(shortest.nanoseconds / 4)))
        }
    }
}
