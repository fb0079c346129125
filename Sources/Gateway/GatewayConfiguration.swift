package import NIOCore

/// What a gateway listens on, where it sends requests, and the bounds it keeps.
package struct GatewayConfiguration: Sendable {
    /// The address to listen on; `0.0.0.0` or `::` for every interface.
    package var host: String
    /// The TCP port; 0 lets the system choose one (see ``Gateway/bind()``).
    package var port: Int
    package var upstreams: [Upstream]
    package var routes: [RouteRule]
    /// Exact paths that closures answer, before any route is looked at. Only `GET` and `HEAD` reach them.
    package var localRoutes: [String: LocalHandler]
    /// Exact paths where closures act on `POST` requests, with bodies of 16 KiB at the most.
    package var localActions: [String: LocalHandler] = [:]
    /// The files served where no route matches.
    package var site: StaticSite?
    /// Path prefixes on which the site never answers, so that an unknown API path is a 404 problem and not a page.
    package var apiPrefixes: [String]
    /// The peers whose `Forwarded` and `X-Forwarded-*` are believed and extended. Everybody else's are dropped.
    package var trustedProxies: [AddressRange]
    /// Which part of the requests is logged, from 0 to 1; answers of 500 and above always are.
    package var accessLogSample = 0.0
    /// Speaks TLS on the listener; plain HTTP when nil.
    package var tls: TLS?
    /// When requests are refused to answer the others in time; never when nil.
    package var overload: Overload?
    /// Where rate limits are counted that gateways share; needed by those alone.
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
    /// Bounds on what a client may send. All sizes are in bytes.
    package struct Limits: Sendable {
        /// Longest request target; longer ones are answered with 414. Default 8 KiB.
        package var target = 8192
        /// Longest request head; 431. Default 32 KiB.
        package var head = 32_768
        /// Most header fields; 431. Default 100.
        package var headers = 100
        /// Longest request body; 413. Default 10 MiB.
        package var requestBody = 10 * 1024 * 1024
        /// Bytes per second: clients that send less of a body are given up, see ``Timeouts/requestBody``. Default 100.
        package var bodyRate = 100
        /// Most client connections at once; further ones are closed on arrival. Default 16,384, and never more than
        /// the process's file descriptors allow.
        package var connections = 16_384
        /// Most requests under way on one connection of HTTP/2 (RFC 9113 §5.1.2); 0 turns HTTP/2 off. Default 100.
        package var streams = 100
        /// Most connections of one event loop that speak another protocol, such as WebSocket; 503. Default 4,096.
        package var tunnels = 4096
        /// All answers that routes keep, in bytes; those that are being fetched may take as much again. Default 64 MiB.
        package var cache = 64 * 1024 * 1024
        /// Most local-route closures that run at once for one event loop; 503. Default 64.
        package var localRequests = 64

        package init() {}
    }

    /// How long the gateway waits. Checked by a clock that ticks at least four times in the shortest of them and four
    /// times a second, so they are late by at most a tick.
    package struct Timeouts: Sendable {
        /// For a whole request head, from its first byte (and for the first byte of a new connection); 408.
        /// Default 10 s.
        package var requestHead = TimeAmount.seconds(10)
        /// In which so much of a request body has to arrive as ``Limits/bodyRate`` says, and something at least; 408.
        /// Default 30 s.
        package var requestBody = TimeAmount.seconds(30)
        /// Of a connection between requests. Default 75 s.
        package var keepAlive = TimeAmount.seconds(75)
        /// For a client that does not take its answer; who takes ``leastResponseRate`` is waited for as long as it
        /// lasts. Default 60 s.
        package var responseWrite = TimeAmount.seconds(60)
        /// Bytes per second: clients that take less of their answers are given up.
        static let leastResponseRate: Int64 = 100
        /// For a connection to an upstream, waiting in the queue included; 503 or 504. Default 5 s.
        package var connect = TimeAmount.seconds(5)
        /// From the end of the request to the first byte of the answer; 504. Default 60 s.
        package var firstByte = TimeAmount.seconds(60)
        /// Between two reads of an answer; the client's connection is closed, as its answer cannot be completed.
        /// Default 60 s.
        package var responseBody = TimeAmount.seconds(60)
        /// Of a connection that speaks another protocol, since the last byte of either side. Default 10 min.
        package var tunnel = TimeAmount.minutes(10)
        /// Of an unused connection to an upstream. Default 4 s: less than the 5 s after which many servers close it.
        package var upstreamIdle = TimeAmount.seconds(4)
        /// How long what a client still sends is discarded before its connection is closed, so that it can read the
        /// answer (RFC 9112 §9.6). Default 2 s.
        package var linger = TimeAmount.seconds(2)
        /// How long a client that has closed its side of the connection is owed the answer to what it has asked.
        /// Nobody can tell it from one that is gone. Default 10 s.
        package var halfClosed = TimeAmount.seconds(10)
        /// How long a shutdown waits for requests under way. Default 10 s.
        package var drain = TimeAmount.seconds(10)
        /// How long a shutdown leaves unused connections open, so that a request already on its way is answered.
        /// Default 500 ms.
        package var drainIdle = TimeAmount.milliseconds(500)

        package init() {}

        /// How often deadlines are looked at.
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
