import Gateway
import Logging
import MartletCore
import MartletMessaging
import MartletTelemetry
import MartletWeb
import NIOPosix

/// The services of this process and their servers.
struct ServiceStage: Stage {
    let hosted: [HostedService]
    private let servers: [ServiceServer]
    private let authenticator: Authenticator
    private let databases: DatabaseStage

    /// Creates the services. Call ``prepare()`` before they run.
    /// - Throws: ``UsageError`` for settings that a service rejects.
    init(
        _ settings: Settings, _ composition: Composition, _ folder: DataDirectory, _ telemetry: TelemetryStage,
        _ discovery: DiscoveryStage, _ databases: DatabaseStage, _ caches: CacheStage, _ gateway: GatewayStage?
    ) throws {
        self.databases = databases
        do throws(ServiceError) {
            let issuer = composition.issuer.map { $0.name } ?? ""
            // A session that ends here must also end at the gateway's routes.
            authenticator = Authenticator(issuer: try discovery.client(of: issuer), logger: telemetry.logger) {
                session, until in gateway?.service.revoke(session: session, until: until.secondsSince1970)
            }
        } catch {
            throw UsageError(error.description)
        }
        var hosted: [HostedService] = []
        for service in composition.services where settings.process.services.contains(service.name) {
            let database = try databases.database(of: service.name)
            let platform = Platform(
                database: database,
                messages: Messages(of: service.name, on: database, publishing: service.events),
                authenticator: authenticator,
                metrics: telemetry.metrics, spans: telemetry.spans, logger: Logger(label: service.name),
                caches: caches.caches(of: service.name), folder: folder.path, announce: Greeting.announce,
                clients: { name throws(ServiceError) in try discovery.client(of: name) })
            hosted.append(HostedService(try Self.make(service, platform, settings), platform))
        }
        self.hosted = hosted
        servers = try Self.servers(hosted, settings, folder, telemetry)
    }

    private static func make<S: Service>(
        _ service: S.Type, _ platform: Platform, _ settings: Settings
    ) throws -> any Service {
        do {
            return try S(platform, settings: settings.settings(of: service))
        } catch let error as ServiceError {
            throw UsageError(error.description)
        }
    }

    /// With a gateway, each service has its own socket. Otherwise they share the process's address.
    private static func servers(
        _ hosted: [HostedService], _ settings: Settings, _ folder: DataDirectory, _ telemetry: TelemetryStage
    ) throws -> [ServiceServer] {
        func server(_ services: [HostedService], _ endpoint: Endpoint) throws -> ServiceServer {
            try ServiceServer(
                services, on: endpoint, version: Martlet.version, metrics: telemetry.metrics, logger: telemetry.logger,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        }
        guard settings.process.runsGateway else { return [try server(hosted, settings.process.listen)] }
        return try hosted.map { try server([$0], folder.socket(of: $0.name)) }
    }

    var names: [String] { hosted.map(\.name) }

    /// The lines of the services for the greeting.
    var greetings: [String] { hosted.compactMap(\.service.greeting) }

    /// Migrates the database of each service and prepares the service.
    func prepare() async throws {
        for hosted in hosted {
            do {
                try await databases.migrate(
                    hosted.name, type(of: hosted.service).migrations, logger: hosted.platform.logger
                ) {
                    try await hosted.migrateKitTables()
                    try await hosted.service.prepare()
                }
            } catch let error as ServiceError {
                throw Failure(error.description)
            }
        }
    }

    var tasks: [StageTask] {
        var tasks = servers.map { StageTask("services", $0) }
        for hosted in hosted { tasks += hosted.service.background.map { StageTask(hosted.name, $0) } }
        return tasks + [StageTask("authentication", authenticator)]
    }

    /// Waits until every server listens.
    /// - Returns: whether every server listens.
    func listening() async -> Bool {
        for server in servers { guard await server.isListening() else { return false } }
        return true
    }

    /// Waits until the first server listens.
    /// - Returns: its port; nil on a Unix socket.
    func port() async -> Int? { await servers.first?.listening() }
}
