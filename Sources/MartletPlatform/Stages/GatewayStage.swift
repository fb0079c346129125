import NIOCore
import MartletWeb
import Gateway
import Logging
import MartletClient
import MartletCore
import MartletTelemetry
import NIOPosix

/// The gateway: the services' routes, the console, the platform's own pages, and the routes of its file.
struct GatewayStage: Stage {
    let service: Gateway
    /// Reloads the gateway's file when it changes; nil without one.
    let watcher: GatewayFileWatcher?
    let readiness = Readiness()
    let hasConsole: Bool
    private let host: String
    private let isSecure: Bool
    /// Whether tokens must wait until the issuer, which runs in this process, has reported the ended sessions.
    private let holdsTokens: Bool

    /// - Throws: ``UsageError`` for contradictory routes or a missing console.
    init(
        _ settings: Settings, _ composition: Composition, _ discovery: DiscoveryStage, _ telemetry: TelemetryStage
    ) throws(UsageError) {
        let logger = Logger(label: "gateway")
        var configuration = try Self.configuration(settings, composition, discovery.place)
        host = configuration.host
        let console = try ConsoleFolder.required(settings.edge.consoleDirectory)
        hasConsole = console != nil
        configuration.site = console.map { StaticSite(root: $0) }
        let locator = UpstreamLocator()
        let clients = composition.services.map { $0.name }.filter { discovery.place(of: $0) != nil }.map { name in
            ServiceClient(name, logger: logger) { locator.endpoint(of: name) }
        }
        configuration.localRoutes =
            PlatformPages(
                composition: composition, clients: clients, metrics: telemetry.metrics, readiness: readiness
            ).routes.merging(OperationsPages(clients: clients).routes) { first, _ in first }
        let base = configuration
        var text = ""
        if let file = settings.edge.file { (configuration, text) = try GatewayFileWatcher.read(file, over: base) }
        isSecure = configuration.tls != nil
        holdsTokens = composition.issuer.map { settings.process.services.contains($0.name) } ?? false
        do {
            service = try Gateway(
                configuration: configuration, metrics: telemetry.metrics, spans: telemetry.spans, logger: logger,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        } catch {
            throw UsageError("\(error)")
        }
        locator.gateway = service
        watcher = settings.edge.file.map { [service] file in
            GatewayFileWatcher(
                path: file, base: base, gateway: service, inForce: TextInForce(text),
                named: GatewayFileWatcher.named(in: configuration), logger: logger)
        }
    }

    var tasks: [StageTask] {
        [StageTask("gateway", service)] + (watcher.map { [StageTask("gateway file", $0)] } ?? [])
    }

    /// Binds the port. From now on, requests are answered.
    /// - Returns: the URL for browsers.
    /// - Throws: ``UsageError`` when the port is in use.
    func bind() async throws(UsageError) -> String {
        if holdsTokens { service.holdTokens() }
        do {
            let address = try await service.bind()
            let name = ["0.0.0.0", "::"].contains(host) ? "127.0.0.1" : host
            let url = Endpoint.tcp(host: name, port: address.port ?? 0).description
            return isSecure ? "https" + url.dropFirst("http".count) : url
        } catch {
            throw UsageError("\(error)")
        }
    }

    /// Accepts tokens, now that the ended sessions are known.
    func releaseTokens() { service.releaseTokens() }
}

extension GatewayStage {
    /// The gateway without its file: the routes of the services, and those of the setting `routes`.
    /// - Throws: ``UsageError``.
    private static func configuration(
        _ settings: Settings, _ composition: Composition, _ place: (String) -> DiscoveryStage.Place?
    ) throws(UsageError) -> GatewayConfiguration {
        guard case .tcp(let host, let port) = settings.process.listen else {
            throw UsageError("listen: the gateway requires host:port")
        }
        var configuration = GatewayConfiguration(host: host, port: port)
        // Retry on another instance if one dies. A 503 from the service itself is its response.
        var retries = GatewayConfiguration.Retries()
        retries.statuses = []
        for service in composition.services {
            guard let place = place(service.name) else { continue }
            var upstream = GatewayConfiguration.Upstream(name: service.name, endpoints: [])
            switch place {
            case .at(let endpoint): upstream.endpoints = [endpoint]
            case .found(let source): upstream.discovery = .init(source)
            }
            configuration.upstreams.append(upstream)
            configuration.routes += service.allPrefixes.map { prefix in
                var route = GatewayConfiguration.RouteRule(.prefix(prefix), upstream: service.name)
                route.retries = retries
                return route
            }
        }
        for route in settings.edge.routes {
            configuration.upstreams.append(.init(name: route.path, endpoints: [route.endpoint]))
            configuration.routes.append(.init(.prefix(route.path), upstream: route.path))
        }
        configuration.trustedProxies = settings.edge.trustedProxies
        return configuration
    }

    /// Reads the gateway's file as a start does, without starting anything.
    /// - Returns: the numbers of routes and upstreams in the file; nil without a file.
    /// - Throws: ``UsageError`` with every error in the file.
    static func checkFile(
        _ settings: Settings, _ composition: Composition
    ) throws(UsageError) -> (routes: Int, upstreams: Int)? {
        guard let file = settings.edge.file else { return nil }
        var base = try configuration(settings, composition) { service in
            if let remote = settings.discovery.remotes[service] { return .at(remote) }
            // The socket of a service in this process is in the data folder, which a check does not create.
            if settings.process.services.contains(service) { return .at(.unix(path: "/run/\(service).sock")) }
            return settings.source(of: service).map { .found($0) }
        }
        base.localRoutes =
            PlatformPages(
                composition: composition, clients: [], metrics: MetricsRegistry(), readiness: Readiness()
            ).routes
        let (whole, _) = try GatewayFileWatcher.read(file, over: base)
        for warning in whole.warnings { Terminal.complain("warning: \(warning)") }
        return (whole.routes.count - base.routes.count, whole.upstreams.count - base.upstreams.count)
    }
}
