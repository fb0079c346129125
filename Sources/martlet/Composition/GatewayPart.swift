import Gateway
import Logging
import MartletClient
import MartletCore
import MartletDiscovery
import MartletTelemetry
import MartletWeb
import NIOCore
import Synchronization

/// The gateway as this process runs it: the services' routes, the console, and the platform's own pages.
struct GatewayPart {
    struct RoutedService {
        let name: String
        let prefixes: [String]
        let place: Place
    }

    /// Where a service is.
    enum Place {
        case at(Endpoint)
        case found(DiscoverySource)
    }

    let service: Gateway
    /// Reads the gateway's file again when it changes; nil when there is none.
    let watcher: GatewayFileWatcher?
    let readiness = Readiness()
    private let host: String
    private let isSecure: Bool

    /// - Throws: ``UsageError`` for routes that contradict each other.
    init(
        settings: Settings, upstreams: [RoutedService], metrics: MetricsRegistry, spans: SpanRecorder?, logger: Logger,
        eventLoopGroup: any EventLoopGroup
    ) throws(UsageError) {
        var configuration = try Self.configuration(settings, upstreams)
        host = configuration.host
        configuration.site = ConsoleFolder.find(settings.consoleDirectory).map { StaticSite(root: $0) }
        let located = LocatedUpstreams()
        let clients = upstreams.map { upstream in
            ServiceClient(upstream.name, logger: logger) { located.endpoint(of: upstream.name) }
        }
        configuration.localRoutes = PlatformPages(clients: clients, metrics: metrics, readiness: readiness).routes
        let base = configuration
        var text = ""
        if let file = settings.gatewayFile {
            (configuration, text) = try GatewayFileWatcher.read(file, over: base)
        }
        isSecure = configuration.tls != nil
        do {
            service = try Gateway(
                configuration: configuration, metrics: metrics, spans: spans, logger: logger,
                eventLoopGroup: eventLoopGroup)
        } catch {
            throw UsageError("\(error)")
        }
        located.gateway = service
        if let file = settings.gatewayFile {
            watcher = GatewayFileWatcher(
                path: file, base: base, gateway: service, inForce: TextInForce(text),
                named: GatewayFileWatcher.named(in: configuration), logger: logger)
        } else {
            watcher = nil
        }
    }

    /// What the gateway does without a file: the services' routes and those of `routes`.
    /// - Throws: ``UsageError``.
    private static func configuration(
        _ settings: Settings, _ upstreams: [RoutedService]
    ) throws(UsageError) -> GatewayConfiguration {
        guard case .tcp(let host, let port) = settings.listen else {
            throw UsageError("listen: the gateway listens on host:port")
        }
        var configuration = GatewayConfiguration(host: host, port: port)
        // A service that dies costs nobody an answer while there is another. Its own 503 is what it means to say.
        var retries = GatewayConfiguration.Retries()
        retries.statuses = []
        for upstream in upstreams {
            var added = GatewayConfiguration.Upstream(name: upstream.name, endpoints: [])
            switch upstream.place {
            case .at(let endpoint): added.endpoints = [endpoint]
            case .found(let source): added.discovery = .init(source)
            }
            configuration.upstreams.append(added)
            configuration.routes += upstream.prefixes.map { prefix in
                var route = GatewayConfiguration.RouteRule(.prefix(prefix), upstream: upstream.name)
                route.retries = retries
                return route
            }
        }
        for route in settings.routes {
            configuration.upstreams.append(.init(name: route.path, endpoints: [route.endpoint]))
            configuration.routes.append(.init(.prefix(route.path), upstream: route.path))
        }
        configuration.trustedProxies = settings.trustedProxies
        return configuration
    }

    /// Reads the gateway's file as a start would, and starts nothing.
    /// - Returns: what the file adds.
    /// - Throws: ``UsageError`` that names everything that is wrong with it.
    static func check(
        _ file: String, _ settings: Settings, upstreams: [RoutedService]
    ) throws(UsageError) -> (routes: Int, upstreams: Int) {
        var base = try configuration(settings, upstreams)
        base.localRoutes = PlatformPages(clients: [], metrics: MetricsRegistry(), readiness: Readiness()).routes
        let (whole, _) = try GatewayFileWatcher.read(file, over: base)
        for warning in whole.warnings { Terminal.complain("warning: \(warning)") }
        return (whole.routes.count - base.routes.count, whole.upstreams.count - base.upstreams.count)
    }

    /// Takes the port, before anything else starts.
    /// - Returns: the URL people open.
    /// - Throws: ``UsageError`` when the port is in use.
    func bound() async throws(UsageError) -> String {
        do {
            let address = try await service.bind()
            let name = ["0.0.0.0", "::"].contains(host) ? "127.0.0.1" : host
            let url = Endpoint.tcp(host: name, port: address.port ?? 0).description
            return isSecure ? "https" + url.dropFirst("http".count) : url
        } catch {
            throw UsageError("\(error)")
        }
    }
}

/// Where the platform's own pages find the services: where the gateway itself finds them.
private final class LocatedUpstreams: Sendable {
    private let state = Mutex<(gateway: Gateway?, next: Int)>((nil, 0))

    var gateway: Gateway? {
        get { state.withLock { $0.gateway } }
        set { state.withLock { $0.gateway = newValue } }
    }

    /// One after the other; nil when nobody has been found yet.
    func endpoint(of upstream: String) -> Endpoint? {
        let (gateway, number) = state.withLock { state in
            state.next &+= 1
            return (state.gateway, state.next)
        }
        let endpoints = gateway?.endpoints(of: upstream) ?? []
        return endpoints.isEmpty ? nil : endpoints[Int(UInt(bitPattern: number) % UInt(endpoints.count))]
    }
}
