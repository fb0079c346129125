import Logging
import MartletCore
import MartletTelemetry
import NIOCore

/// A validated and compiled configuration, read by every event loop. A class, since a struct of this size would be
/// copied on each access.
final class GatewaySettings: Sendable {
    /// A compiled route.
    final class CompiledRoute: Sendable {
        enum Action: Sendable {
            /// Upstreams with cumulative weights; a random number below the last bound picks one.
            case proxy([(upstream: Int, bound: UInt64)])
            case grpc(GRPCRoute)
            case redirect(RedirectTemplate)
            case respond(status: Int, fields: [UInt8], body: [UInt8])
            case aggregate(AggregatePlan)
            /// Files, matched by the path after `prefix` bytes.
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
        /// Protocols to which requests may upgrade, in lower case.
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
                ?? (isCall ? min(limits.requestBody, GRPCRoute.defaultRequestBody) : limits.requestBody)
            timeouts = route.timeouts
            retries = route.retries
            concurrency = resources.concurrencyLimit(route.concurrency, of: "route \(identity)")
            isSheddable = route.isSheddable
            keepsEncodedSlashes = route.keepsEncodedSlashes
            if keepsEncodedSlashes, case .proxy = route.action {
            } else if keepsEncodedSlashes {
                throw .invalidConfiguration(
                    "routes: '\(route.match.path)' keeps encoded slashes, which needs an upstream")
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
                        throw .invalidConfiguration("routes: the weight of '\(share.upstream)' must be 0 to 1000000")
                    }
                    bound += UInt64(share.weight)
                    drawn.append((upstream, bound))
                }
                guard bound > 0 else {
                    throw .invalidConfiguration("routes: '\(route.match.path)' needs a weight above 0")
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
                else { throw .invalidConfiguration("routes: '\(route.match.path)' has an invalid response") }
                action = .respond(status: response.status, fields: line, body: Array(response.body.utf8))
            case .aggregate(let aggregate):
                action = .aggregate(try AggregatePlan(aggregate, match: route.match, upstreams: upstreams))
            case .files(let files):
                guard key.isPrefix, key.pattern == nil else {
                    throw .invalidConfiguration("routes: '\(route.match.path)' must be a prefix to serve files")
                }
                action = .files(try StaticSite(files, resources), prefix: key.path.count)
            }
        }

        /// Picks an upstream by weight.
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
        /// The host for HTTP/1.0 clients that send no `Host`.
        let defaultHost: [UInt8]

        /// The `Host` to send in place of the client's; nil passes on the client's. With
        /// ``GatewayConfiguration/Host/upstream``, ``host(of:)`` replaces it.
        let fixedHost: [UInt8]?
        /// The names by which responses may refer to the service.
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

        /// Bounded because discovery may find many, and every reference is compared with each name.
        private static let maximumOwnHosts = 16

        /// The `Host` for an endpoint if each has its own; else nil.
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
    /// Whether any route caches responses.
    let keepsAnswers: Bool
    /// Whether any route does. Otherwise such paths are refused early.
    let keepsEncodedSlashes: Bool
    /// Nil when no traces are recorded.
    let spans: SpanRecorder?
    let logger: Logger
    let sharedLimitHealth: SharedLimitHealth
    /// Computed once: the check costs as much as a header.
    let logsEveryRequest: Bool
    /// Requests that draw a random number below this one are logged.
    let accessLogThreshold: UInt64

    /// - Parameter before: settings of the same configuration with other discovered endpoints. Its routes are reused,
    ///   so that new endpoints neither compile routes nor read folders.
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
                throw .invalidConfiguration("upstreams: '\(upstream.name)' appears twice")
            }
            guard !upstream.endpoints.isEmpty || upstream.discovery != nil else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' has no endpoint")
            }
            guard upstream.maximumConnections > 0 else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' must allow at least one connection")
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
            throw .invalidConfiguration("routes: '\(grpc.upstream)' must not use TLS: gRPC is clear text only")
        }
        localRoutes = locals.map {
            LocalHandlers(read: configuration.localRoutes[$0], act: configuration.localActions[$0])
        }
        for route in configuration.routes
        where configuration.redis == nil && route.policies.rateLimits.contains(where: \.isShared) {
            throw .invalidConfiguration("routes: '\(route.match.path)' has a shared rate limit, which needs redis")
        }
        var routes: [CompiledRoute] = []
        var keys: [RouteKey] = []
        var seen: Set<String> = []
        for (index, route) in configuration.routes.enumerated() {
            let key = try RouteKey(route)
            guard seen.insert(key.identity(of: route)).inserted else {
                throw .invalidConfiguration("routes: '\(route.match.path)' appears twice")
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
                throw .invalidConfiguration("routes: '\(path)' appears twice")
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

    /// Applies changes to shared state. Called once nothing about this configuration can fail anymore.
    func commit(_ resources: PolicyResources) {
        resources.cache.setLimit(configuration.limits.cache)
        resources.rateLimits.keep(Set(routes.flatMap { $0.policies?.limitNames ?? [] }))
    }

    /// The labels of its routes.
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

/// A parsed ``GatewayConfiguration/Redirect``.
struct RedirectTemplate: Sendable {
    let status: Int
    private let location: String

    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(_ redirect: GatewayConfiguration.Redirect) throws(GatewayError) {
        guard [301, 302, 303, 307, 308].contains(redirect.status),
            HeaderRules.line("Location", redirect.location) != nil
        else { throw .invalidConfiguration("routes: '\(redirect.status) \(redirect.location)' is not a redirect") }
        status = redirect.status
        location = redirect.location
    }

    /// The `Location` line. Path and query are validated and contain nothing that could end the line.
    func line(_ request: RequestView) -> [UInt8] {
        let location = location.replacing("{path}", with: String(decoding: request.path, as: UTF8.self))
            .replacing("{query}", with: String(decoding: request.bytes.slice(request.target.query), as: UTF8.self))
        return HeaderRules.line("Location", location) ?? []
    }
}
