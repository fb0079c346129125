import Accounts
import Catalog
import Gateway
import Logging
import MartletClient
import MartletCore
import MartletData
import MartletDiscovery
import MartletTelemetry
import MartletWeb
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// What runs in this process: the composition root. Which services there are is said here and nowhere below.
struct PlatformProcess {
    private let settings: Settings
    private let metrics = MetricsRegistry()
    private let log: LogWriter
    /// Nil when nothing is traced.
    private let spans: SpanRecorder?
    private let logger: Logger
    private let group = MultiThreadedEventLoopGroup.singleton
    /// Accounts, when services here need its keys and nobody but the registry knows where it is.
    private let accounts: DiscoveredService?

    init(_ settings: Settings) {
        self.settings = settings
        let level = settings.logLevel
        let metrics = self.metrics
        let dropped = metrics.counter(
            "log_lines_dropped_total", help: "Lines of the log that were dropped because it was not read fast enough.")
        let log = LogWriter(onDrop: { dropped.increment() }) {
            JSONLogHandler.droppedLines($0, serviceName: "martlet")
        }
        self.log = log
        LoggingSystem.bootstrap { JSONLogHandler(serviceName: $0, level: level, sink: log.write) }
        logger = Logger(label: "martlet")
        spans = settings.otlpEndpoint.map { _ in SpanRecorder(sample: settings.traceSample, metrics: metrics) }
        accounts =
            if settings.parts != [.gateway], let source = settings.source(of: .accounts) {
                DiscoveredService(AccountsService.name, source, logger: logger)
            } else {
                nil
            }
    }

    /// Serves until SIGTERM or SIGINT; then the gateway drains first and the services follow.
    func run() async throws {
        // A reader that has stopped keeps nobody from ending.
        defer {
            Greeting.flush()
            log.flush(within: 1)
        }
        HangupListener.ignoreSignal()
        let data = try DataDirectory(settings.dataDirectory, isServing: true)
        if let console = settings.consoleDirectory, settings.parts.contains(.gateway),
            ConsoleFolder.find(console) == nil
        {
            throw UsageError(
                "console_dir: there is no console in '\(console)', which has no index.html; script/console builds it into Web/dist"
            )
        }
        let gateway = settings.parts.contains(.gateway) ? try makeGateway(data) : nil
        // It answers from now on; which sessions have ended is known when Accounts is prepared.
        if settings.parts.contains(.accounts) { gateway?.service.holdTokens() }
        let address = try await gateway?.bound()
        if gateway == nil { try requireFree(settings.listen) }
        let admin = try makeAdmin(data, gateway)
        try await admin?.bind()

        let services = try makeServices(data, gateway)
        let result: Result<Void, any Error>
        do {
            try await prepare(services)
            gateway?.service.releaseTokens()
            result = .success(try await serve(services, data, gateway, admin, address))
        } catch {
            result = .failure(error)
        }
        for hosted in services { await hosted.platform.database.close() }
        try result.get()
    }

    private func serve(
        _ services: [HostedService], _ data: DataDirectory, _ gateway: GatewayPart?, _ admin: AdminPart?,
        _ address: String?
    ) async throws {
        let servers = try makeServers(services, data)

        // The last one is the first to shut down.
        var running = servers.map { named("services", $0) }
        if let accounts { running.insert(named("discovery", accounts), at: 0) }
        for hosted in services {
            running += hosted.service.background.map { named(type(of: hosted.service).name, $0) }
        }
        if let authenticator = services.first?.platform.authenticator {
            running.append(named("authentication", authenticator))
        }
        if let gateway { running.append(named("gateway", gateway.service)) }
        if let watcher = gateway?.watcher {
            running.append(named("gateway file", watcher))
        } else {
            running.append(named("hangups", HangupListener(logger: logger)))
        }
        if let admin { running.append(named("administration", admin.service)) }
        if let spans, let collector = settings.otlpEndpoint {
            // First, as what starts first stops last: by then the spans of all others are there.
            let exporter = SpanExporter(
                spans, to: collector, version: Martlet.version, logger: Logger(label: "traces"))
            running.insert(named("traces", exporter), at: 0)
        }
        if settings.isRegistered, let registry = settings.registry, let server = servers.first {
            let registration = RegistrationPart(
                registry: registry, services: services.map { type(of: $0.service).name }, server: server,
                settings: settings, logger: logger)
            running.append(named("registration", registration))
        }
        // The last: it is told first that the process wants to end.
        running.append(named("statements", StatementsEnd(databases: services.map(\.platform.database))))
        let group = ServiceGroup(
            configuration: .init(
                services: running, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for server in servers { _ = await server.listening() }
            if let address { Greeting.show(address, settings: settings) }
            try await tasks.waitForAll()
        }
    }

    /// The group logs the names of what it runs. Without one a struct describes itself with all that it holds, such as a
    /// registry's password.
    private func named(
        _ name: String, _ service: any ServiceLifecycle.Service
    ) -> ServiceGroupConfiguration.ServiceConfiguration {
        ServiceGroupConfiguration.ServiceConfiguration(service: service, serviceName: name)
    }

    /// Services without a gateway: their port is the first thing that can be in somebody else's hands.
    private func requireFree(_ endpoint: Endpoint) throws(UsageError) {
        do throws(ServiceError) {
            try ServiceServer.requireFree(endpoint)
        } catch {
            throw UsageError("listen: \(error)")
        }
    }

    // MARK: Services

    private func makeServices(_ data: DataDirectory, _ gateway: GatewayPart?) throws -> [HostedService] {
        let issuer =
            accounts?.client ?? ServiceClient("accounts", at: endpoint(of: .accounts, data), logger: logger)
        // A session that ends here ends at the gateway's routes as well.
        let authenticator = Authenticator(issuer: issuer, logger: logger) { session, until in
            gateway?.service.revoke(session: session, until: until.secondsSince1970)
        }
        func platform(_ name: String) throws -> Platform {
            let logger = Logger(label: name)
            let database = try settings.database(of: name, in: data, logger: logger)
            return Platform(
                database: database, authenticator: authenticator, metrics: metrics, spans: spans, logger: logger)
        }
        var services: [HostedService] = []
        if settings.parts.contains(.accounts) {
            let platform = try platform(AccountsService.name)
            do {
                let accounts = try AccountsService(
                    platform, settings: settings.accounts, announce: Greeting.announce)
                services.append(HostedService(accounts, platform))
            } catch let error as ServiceError {
                throw UsageError(error.description)
            }
        }
        if settings.parts.contains(.catalog) {
            let platform = try platform(CatalogService.name)
            services.append(HostedService(CatalogService(platform), platform))
        }
        return services
    }

    /// What is said when a database does not do: one that refuses whom `database_url` names is a wrong setting.
    static func failure(_ error: DatabaseError, of service: String) -> any Error {
        guard case .other(_, let message) = error, error.isRefusal else {
            return Failure("\(service): the database cannot be used: \(error)")
        }
        return UsageError("database_url: the server refuses it: \(message)")
    }

    /// Brings the databases up to date; a database that is still starting is waited for.
    private func prepare(_ services: [HostedService]) async throws {
        let patience = ContinuousClock.now + .seconds(30)
        for hosted in services {
            while true {
                do {
                    try await hosted.platform.database.migrate(type(of: hosted.service).migrations)
                    try await hosted.service.prepare()
                    break
                } catch DatabaseError.unavailable(let reason) where ContinuousClock.now < patience {
                    hosted.platform.logger.warning("waiting for the database", metadata: ["reason": "\(reason)"])
                    try await Task.sleep(for: .seconds(1))
                } catch let error as ServiceError {
                    throw Failure(error.description)
                } catch let error as DatabaseError {
                    throw Self.failure(error, of: type(of: hosted.service).name)
                }
            }
        }
    }

    /// Beside a gateway each service has its socket; without one they share the address that was asked for.
    private func makeServers(_ services: [HostedService], _ data: DataDirectory) throws -> [ServiceServer] {
        func server(_ services: [HostedService], _ endpoint: Endpoint) throws -> ServiceServer {
            try ServiceServer(
                services, on: endpoint, version: Martlet.version, metrics: metrics, logger: logger,
                eventLoopGroup: group)
        }
        guard !services.isEmpty else { return [] }
        guard settings.parts.contains(.gateway) else { return [try server(services, settings.listen)] }
        return try services.map { try server([$0], data.socket(of: type(of: $0.service).name)) }
    }

    /// Where a service is reached, wherever it runs.
    private func endpoint(of part: Settings.Part, _ data: DataDirectory) -> Endpoint {
        if let remote = settings.remotes[part] { return remote }
        guard settings.parts.contains(.gateway) else { return settings.listen.reachable }
        return data.socket(of: part.rawValue)
    }

    // MARK: Gateway

    private func makeAdmin(_ data: DataDirectory, _ gateway: GatewayPart?) throws(UsageError) -> AdminPart? {
        guard let address = settings.adminListen, let gateway else { return nil }
        return try AdminPart(
            address, data: data, gateway: gateway, logger: Logger(label: "admin"), eventLoopGroup: group)
    }

    private func makeGateway(_ data: DataDirectory) throws -> GatewayPart {
        try GatewayPart(
            settings: settings, upstreams: Self.upstreams(settings) { endpoint(of: $0, data) },
            metrics: metrics, spans: spans, logger: Logger(label: "gateway"), eventLoopGroup: group)
    }

    /// The services that the gateway reaches.
    private static func upstreams(
        _ settings: Settings, at endpoint: (Settings.Part) -> Endpoint
    ) -> [GatewayPart.RoutedService] {
        let known: [(Settings.Part, any MartletWeb.Service.Type)] = [
            (.accounts, AccountsService.self), (.catalog, CatalogService.self),
        ]
        let reached = known.filter { part, _ in
            settings.parts.contains(part) || settings.remotes[part] != nil || settings.source(of: part) != nil
        }
        return reached.map { part, service in
            GatewayPart.RoutedService(
                name: service.name, prefixes: service.prefixes,
                place: settings.source(of: part).map { .found($0) } ?? .at(endpoint(part)))
        }
    }

    /// Reads the gateway's file as ``run()`` would, and starts nothing.
    /// - Returns: what it adds to the gateway; nil when there is no file.
    /// - Throws: ``UsageError`` that names everything that is wrong with it.
    static func checkGatewayFile(_ settings: Settings) throws(UsageError) -> (routes: Int, upstreams: Int)? {
        guard let file = settings.gatewayFile else { return nil }
        // Where the services that run here are is said by the data folder, which a check does not make.
        let reached = upstreams(settings) { settings.remotes[$0] ?? .unix(path: "/run/\($0.rawValue).sock") }
        return try GatewayPart.check(file, settings, upstreams: reached)
    }
}

extension Endpoint {
    /// The address to call for one that is listened on: a wildcard is reached on this machine.
    fileprivate var reachable: Endpoint {
        if case .tcp("0.0.0.0", let port) = self {
            .tcp(host: "127.0.0.1", port: port)
        } else if case .tcp("::", let port) = self {
            .tcp(host: "::1", port: port)
        } else {
            self
        }
    }
}
