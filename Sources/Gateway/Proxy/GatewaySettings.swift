import Logging
import MartletCore
import MartletTelemetry
import NIOCore

/// A configuration, checked and compiled once, that every event loop reads.
struct GatewaySettings: Sendable {
    struct Route: Sendable {
        let upstream: Int
        let maximumRequestBody: Int
        let label: RouteLabel
    }

    struct Upstream: Sendable {
        let configuration: GatewayConfiguration.Upstream
        /// For HTTP/1.0 clients that send no `Host`.
        let defaultHost: [UInt8]
    }

    let configuration: GatewayConfiguration
    /// The routes, then the local routes.
    let table: RouteTable
    let routes: [Route]
    let upstreams: [Upstream]
    let localRoutes: [LocalRoute]
    let apiPrefixes: [[UInt8]]
    let labels: [String]
    let registry: MetricsRegistry
    let logger: Logger
    /// Asked once: the check alone costs as much as a header.
    let logsEveryRequest: Bool

    init(_ configuration: GatewayConfiguration, metrics: MetricsRegistry, logger: Logger) throws(GatewayError) {
        self.configuration = configuration
        registry = metrics
        self.logger = logger
        logsEveryRequest = logger.logLevel <= .debug
        let locals = configuration.localRoutes.sorted { $0.key < $1.key }
        table = try RouteTable(configuration.routes.map(\.match) + locals.map { .exact($0.key) })
        var names: [String: Int] = [:]
        for (index, upstream) in configuration.upstreams.enumerated() {
            guard names.updateValue(index, forKey: upstream.name) == nil else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' comes twice")
            }
            guard !upstream.endpoints.isEmpty else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' has no endpoint")
            }
            guard upstream.maximumConnections > 0 else {
                throw .invalidConfiguration("upstreams: '\(upstream.name)' needs at least one connection")
            }
        }
        upstreams = configuration.upstreams.map { upstream in
            var host = "localhost"
            if case .tcp = upstream.endpoints.first, let text = upstream.endpoints.first?.description {
                host = String(text.dropFirst("http://".count))
            }
            return Upstream(configuration: upstream, defaultHost: Array(host.utf8))
        }
        localRoutes = locals.map(\.value)
        var labels = ["(invalid)", "(unmatched)", "(site)"] + locals.map(\.key)
        var routes: [Route] = []
        for route in configuration.routes {
            guard let upstream = names[route.upstream] else {
                throw .invalidConfiguration("routes: there is no upstream '\(route.upstream)'")
            }
            let text =
                switch route.match {
                case .exact(let path): path
                case .prefix(let path): path
                }
            routes.append(
                Route(
                    upstream: upstream,
                    maximumRequestBody: route.maximumRequestBody ?? configuration.limits.requestBody,
                    label: RouteLabel(slot: labels.count)))
            labels.append(text)
        }
        self.routes = routes
        self.labels = labels
        apiPrefixes = configuration.apiPrefixes.map { prefix in
            let bytes = Array(prefix.utf8)
            return bytes.last == ASCII.slash ? bytes.dropLast() : bytes
        }
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
