import Gateway
import Logging
import MartletClient
import MartletCore
import MartletTelemetry
import MartletWeb
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The gateway as this process runs it: the services' routes, the console, and the platform's own pages.
struct GatewayPart {
    struct Upstream {
        let name: String
        let prefixes: [String]
        let endpoint: Endpoint
    }

    let service: Gateway
    /// Reads the gateway's file again when it changes; nil when there is none.
    let watcher: GatewayFileWatcher?
    private let host: String
    private let isSecure: Bool

    /// - Throws: ``UsageError`` for routes that contradict each other.
    init(
        settings: Settings, upstreams: [Upstream], metrics: MetricsRegistry, spans: SpanRecorder?, logger: Logger,
        eventLoopGroup: any EventLoopGroup
    ) throws(UsageError) {
        guard case .tcp(let host, let port) = settings.listen else {
            throw UsageError("listen: the gateway listens on host:port")
        }
        self.host = host
        var configuration = GatewayConfiguration(host: host, port: port)
        for upstream in upstreams {
            configuration.upstreams.append(.init(name: upstream.name, endpoints: [upstream.endpoint]))
            configuration.routes += upstream.prefixes.map { .init(.prefix($0), upstream: upstream.name) }
        }
        for route in settings.routes {
            configuration.upstreams.append(.init(name: route.path, endpoints: [route.endpoint]))
            configuration.routes.append(.init(.prefix(route.path), upstream: route.path))
        }
        configuration.trustedProxies = settings.trustedProxies
        configuration.site = StaticSite(root: settings.consoleDirectory)
        let clients = upstreams.map { ServiceClient($0.name, at: $0.endpoint, logger: logger) }
        configuration.localRoutes = PlatformPages(clients: clients, metrics: metrics).routes
        let base = configuration
        let initial = settings.gatewayFile.flatMap { FileManager.default.contents(atPath: $0) }
        if let file = settings.gatewayFile { configuration = try GatewayFileWatcher.read(file, over: base) }
        isSecure = configuration.tls != nil
        do {
            service = try Gateway(
                configuration: configuration, metrics: metrics, spans: spans, logger: logger,
                eventLoopGroup: eventLoopGroup)
        } catch {
            throw UsageError("\(error)")
        }
        if let file = settings.gatewayFile {
            GatewayFileWatcher.ignoreSignal()
            watcher = GatewayFileWatcher(
                path: file, base: base, gateway: service, initial: initial, logger: logger)
        } else {
            watcher = nil
        }
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
