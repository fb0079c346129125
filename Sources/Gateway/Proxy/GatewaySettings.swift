import Logging
import MartletCore
import MartletTelemetry
import NIOCore

/// A configuration, checked and compiled once, that every event loop reads. A class, because a struct of that size is
/// copied whenever a loop looks at it.
final class GatewaySettings: Sendable {
    /// What does not depend on the request any more.
    final class CompiledRoute: Sendable {
        enum Action: Sendable {
            /// Upstreams and up to which number, of the last one's, each is drawn.
            case proxy([(upstream: Int, bound: UInt64)])
            case grpc(GRPCRoute)
            case redirect(RedirectTemplate)
            case respond(status: Int, fields: [UInt8], body: [UInt8])
            case aggregate(AggregatePlan)
            /// Files, by the path after so many bytes.
            case files(StaticSite, prefix: Int)
        }

        let label: RouteLabel
        let predicate: RoutePredicate?
        let methods: [String]
        let action: Action
        let rewrite: PathRewrite?
        let responseRewrite: ResponseRewrite?
        let policies: PolicyChain?
        let cache: CachePolicy?
        let maximumRequestBody: Int
        let timeouts: GatewayConfiguration.RouteTimeouts
        let retries: GatewayConfiguration.Retries?
        let concurrency: ConcurrencyLimit?
        let isSheddable: Bool
        let keepsEncodedSlashes: Bool
        /// Protocols that requests may change to, in lower case.
        let upgrades: [[UInt8]]

        init(
            _ route: GatewayConfiguration.RouteRule, key: RouteKey, label: RouteLabel, upstreams: [String: Int],
            limits: GatewayConfiguration.Limits, resources: PolicyResources
        ) throws(GatewayError) {
            self.label = label
            predicate = RoutePredicate(route, key: key)
            methods = route.methods
            rewrite = try PathRewrite(route.rewrite)
            responseRewrite = try ResponseRewrite(route.rewrite)
            let identity = key.identity(of: route)
            policies = try PolicyChain(route, owner: route.name ?? identity, resources)
            cache = CachePolicy(route)
            var isCall = false
            if case .grpc = route.action { isCall = true }
            maximumRequestBody =
                route.maximumRequestBody
                ?? (isCall ? min(limits.requestBody, GRPCRoute.usualRequestBody) : limits.requestBody)
            timeouts = route.timeouts
            retries = route.retries
            concurrency = resources.concurrencyLimit(route.concurrency, of: "route \(identity)")
            isSheddable = route.isSheddable
            keepsEncodedSlashes = route.keepsEncodedSlashes
            if keepsEncodedSlashes, case .proxy = route.action {
            } else if keepsEncodedSlashes {
                throw .invalidConfiguration(
                    "routes: '\(route.match.path)' keeps encoded slashes, which only services can read")
            }
            upgrades = route.upgrades.map { Array($0.lowercased().utf8) }
            switch route.action {
            case .proxy(let shares):
                var bound: UInt64 = 0
                var drawn: [(Int, UInt64)] = []
                for share in shares {
                    guard let upstream = upstreams[share.upstream] else {
                        throw .invalidConfiguration("routes: there is no upstream '\(share.upstream)'")
                    }
                    guard (0...1_000_000).contains(share.weight) else {
                        throw .invalidConfiguration("routes: the weight of '\(share.upstream)' is not 0 to 1000000")
                    }
                    bound += UInt64(share.weight)
                    drawn.append((upstream, bound))
                }
                guard bound > 0 else {
                    throw .invalidConfiguration("routes: '\(route.match.path)' leads to no upstream")
                }
                action = .proxy(drawn)
            case .grpc(let grpc):
                guard let upstream = upstreams[grpc.upstream] else {
                    throw .invalidConfiguration("routes: there is no upstream '\(grpc.upstream)'")
                }
                action = .grpc(try GRPCRoute(grpc, upstream: upstream))
            case .redirect(let redirect):
                action = .redirect(try RedirectTemplate(redirect))
            case .respond(let response):
                guard (200...599).contains(response.status),
                    let line = HeaderRules.line("Content-Type", response.contentType)
                else { throw .invalidConfiguration("routes: '\(route.match.path)' responds with no valid answer") }
                action = .respond(status: response.status, fields: line, body: Array(response.body.utf8))
            case .aggregate(let aggregate):
                action = .aggregate(try AggregatePlan(aggregate, match: route.match, upstreams: upstreams))
            case .files(let files):
                guard key.isPrefix, key.pattern == nil else {
                    throw .invalidConfiguration("routes: '\(route.match.path)' must be a prefix to have files")
                }
                action = .files(try StaticSite(files, resources), prefix: key.path.count)
            }
        }

        /// An upstream of the route, by the weights.
        func upstream(_ random: inout FastRandom) -> Int {
            guard case .proxy(let shares) = action, let last = shares.last else { return 0 }
            guard shares.count > 1 else { return last.upstream }
            let drawn = random.next() % last.bound
            return shares.first { drawn < $0.bound }?.upstream ?? last.upstream
        }
    }

    struct CompiledUpstream: Sendable {
        let configuration: GatewayConfiguration.Upstream
        let states: [EndpointState]
        let tls: UpstreamTLSContext?
        let concurrency: ConcurrencyLimit?
        let retries: UpstreamRetries
        /// For HTTP/1.0 clients that send no `Host`.
        let defaultHost: [UInt8]

        /// What `Host` says whatever the client asked for; nil when it says that. With ``GatewayConfiguration/Host/upstream``
        /// it is what ``host(of:)`` takes the place of.
        let fixedHost: [UInt8]?
        /// By which names answers may mean the service.
        let ownHosts: [[UInt8]]

        init(
            _ configuration: GatewayConfiguration.Upstream, states: [EndpointState], tls: UpstreamTLSContext?,
            concurrency: ConcurrencyLimit?, retries: UpstreamRetries
        ) {
            self.configuration = configuration
            self.states = states
            self.tls = tls
            self.concurrency = concurrency
            self.retries = retries
            let hosts = configuration.endpoints.prefix(Self.maximumOwnHosts).map {
                Array($0.authority(isSecure: tls != nil).utf8)
            }
            defaultHost = hosts.first ?? Array("localhost".utf8)
            fixedHost =
                switch configuration.host {
                case .preserve: nil
                case .upstream: defaultHost
                case .literal(let host): Array(host.utf8)
                }
            ownHosts = hosts + (fixedHost.map { [$0] } ?? [])
        }

        /// Endpoints that are discovered may be many, and each name is compared with each reference.
        private static let maximumOwnHosts = 16

        /// What `Host` says to an endpoint, where each has its own; nil otherwise.
        func host(of endpoint: Endpoint) -> [UInt8]? {
            configuration.host == .upstream ? Array(endpoint.authority(isSecure: tls != nil).utf8) : nil
        }
    }

    let configuration: GatewayConfiguration
    /// The routes, then the local routes.
    let table: RouteTable
    let lenient: LenientTable?
    let routes: [CompiledRoute]
    let upstreams: [CompiledUpstream]
    let localRoutes: [LocalHandlers]
    let localLabels: [RouteLabel]
    let apiPrefixes: [[UInt8]]
    let labels: [String]
    let registry: MetricsRegistry
    let cache: ResponseCache
    /// Whether any route does.
    let keepsAnswers: Bool
    /// Whether any route does: otherwise such paths are refused before they are read.
    let keepsEncodedSlashes: Bool
    /// Nil when nothing is recorded.
    let spans: SpanRecorder?
    let logger: Logger
    let sharedLimitHealth: SharedLimitHealth
    /// Asked once: the check alone costs as much as a header.
    let logsEveryRequest: Bool
    /// Random numbers up to this one mean that a request is logged.
    let accessLogThreshold: UInt64

    /// - Parameter before: settings of the same configuration, of which other endpoints have been found since. Their
    ///   routes are taken over, so that nothing is compiled and no folder is read because an endpoint has come.
    init(
        _ configuration: GatewayConfiguration, metrics: MetricsRegistry, spans: SpanRecorder? = nil, logger: Logger,
        resources: PolicyResources, before: GatewaySettings? = nil
    ) throws(GatewayError) {
        var configuration = configuration
        configuration.upstreams = configuration.upstreams.map { resources.discovery.resolved($0) }
        self.configuration = configuration
        self.spans = spans
        registry = metrics
        self.logger = logger
        sharedLimitHealth = resources.sharedLimitHealth
        let sample = configuration.accessLogSample
        logsEveryRequest = logger.logLevel <= .debug || sample >= 1
        accessLogThreshold = sample > 0 && sample < 1 ? UInt64(sample * 0x1p64) : 0
        let locals = Set(configuration.localRoutes.keys).union(configuration.localActions.keys).sorted()
        var names: [String: Int] = [:]
        for (index, upstream) in configuration.upstreams.enumerated() {
            guard names.updateValue(index, forKey: upstream.name) == nil else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' comes twice")
            }
            guard !upstream.endpoints.isEmpty || upstream.discovery != nil else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' has no endpoint")
            }
            guard upstream.maximumConnections > 0 else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' needs at least one connection")
            }
        }
        upstreams = try configuration.upstreams.map { (upstream) throws(GatewayError) -> CompiledUpstream in
            let states = upstream.endpoints.enumerated().map { index, endpoint in
                let weight = upstream.weights.indices.contains(index) ? upstream.weights[index] : 1
                return resources.endpoint(endpoint, weight: weight, of: upstream)
            }
            var tls = before?.upstreams.first { $0.configuration.name == upstream.name }?.tls
            if tls == nil, let configuration = upstream.tls {
                tls = try UpstreamTLSContext(configuration, of: upstream.name)
            }
            return CompiledUpstream(
                upstream, states: states, tls: tls,
                concurrency: resources.concurrencyLimit(upstream.concurrency, of: "upstream \(upstream.name)"),
                retries: resources.retries(of: upstream.name))
        }
        for route in configuration.routes {
            guard case .grpc(let grpc) = route.action,
                configuration.upstreams.contains(where: { $0.name == grpc.upstream && $0.tls != nil })
            else { continue }
            throw .invalidConfiguration("routes: gRPC calls go to '\(grpc.upstream)' in clear text only")
        }
        localRoutes = locals.map {
            LocalHandlers(read: configuration.localRoutes[$0], act: configuration.localActions[$0])
        }
        for route in configuration.routes
        where configuration.redis == nil && route.policies.rateLimits.contains(where: \.isShared) {
            throw .invalidConfiguration("routes: '\(route.match.path)' shares a rate limit, and there is no redis")
        }
        var routes: [CompiledRoute] = []
        var keys: [RouteKey] = []
        var seen: Set<String> = []
        for (index, route) in configuration.routes.enumerated() {
            let key = try RouteKey(route)
            guard seen.insert(key.identity(of: route)).inserted else {
                throw .invalidConfiguration("routes: '\(route.match.path)' comes twice")
            }
            keys.append(key)
            if let before {
                routes.append(before.routes[index])
                continue
            }
            routes.append(
                try CompiledRoute(
                    route, key: key, label: resources.labels.label(route.name ?? route.match.path), upstreams: names,
                    limits: configuration.limits, resources: resources))
        }
        for path in locals {
            let key = try RouteKey(.exact(path))
            guard seen.insert(key.identity(of: .init(.exact(path), action: .proxy([])))).inserted else {
                throw .invalidConfiguration("routes: '\(path)' comes twice")
            }
            keys.append(key)
        }
        table = RouteTable(keys)
        lenient = before.map(\.lenient) ?? LenientTable(configuration.routes, keys)
        self.routes = routes
        cache = resources.cache
        keepsAnswers = routes.contains { $0.cache != nil }
        keepsEncodedSlashes = routes.contains(where: \.keepsEncodedSlashes)
        localLabels = locals.map { resources.labels.label($0) }
        labels = resources.labels.all
        apiPrefixes = configuration.apiPrefixes.map { prefix in
            let bytes = Array(prefix.utf8)
            return bytes.last == ASCII.slash ? bytes.dropLast() : bytes
        }
    }

    /// Takes up what outlives a configuration, once nothing can go wrong with this one any more.
    func commit(_ resources: PolicyResources) {
        resources.cache.setLimit(configuration.limits.cache)
        resources.rateLimits.keep(Set(routes.flatMap { $0.policies?.limitNames ?? [] }))
    }

    /// The names of its routes.
    var labelsInUse: Set<String> {
        Set((routes.map(\.label) + localLabels).compactMap { $0.slot < labels.count ? labels[$0.slot] : nil })
    }

    var limits: GatewayConfiguration.Limits { configuration.limits }
    var timeouts: GatewayConfiguration.Timeouts { configuration.timeouts }

    var headLimits: HeadLimits { HeadLimits(target: limits.target, head: limits.head, headers: limits.headers) }

    func isAPI(_ path: UnsafeRawBufferPointer) -> Bool {
        apiPrefixes.contains { prefix in
            path.starts(with: prefix) && (path.count == prefix.count || path[prefix.count] == ASCII.slash)
        }
    }
}

/// A ``GatewayConfiguration/Redirect`` with its places found.
struct RedirectTemplate: Sendable {
    let status: Int
    private let location: String

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ redirect: GatewayConfiguration.Redirect) throws(GatewayError) {
        guard [301, 302, 303, 307, 308].contains(redirect.status),
            HeaderRules.line("Location", redirect.location) != nil
        else { throw .invalidConfiguration("routes: no redirect is '\(redirect.status) \(redirect.location)'") }
        status = redirect.status
        location = redirect.location
    }

    /// The `Location` line. Path and query have been checked, and hold nothing that could end the line.
    func line(_ request: RequestView) -> [UInt8] {
        let location = location.replacing("{path}", with: String(decoding: request.path, as: UTF8.self))
            .replacing("{query}", with: String(decoding: request.bytes.slice(request.target.query), as: UTF8.self))
        return HeaderRules.line("Location", location) ?? []
    }
}
