import UnixSignals
import Logging
import MartletCore
import MartletTelemetry
import MartletWeb
import ServiceLifecycle

/// One `serve`: creates the stages in order, runs them, and closes them in reverse.
struct PlatformProcess {
    private let settings: Settings
    private let composition: Composition

    init(_ settings: Settings, _ composition: Composition) {
        self.settings = settings
        self.composition = composition
    }

    /// Serves until SIGTERM or SIGINT.
    /// - Throws: ``UsageError``; ``Failure``; the error of a task.
    func run() async throws {
        let telemetry = TelemetryStage(settings.telemetry)
        var stages: [any Stage] = [telemetry]
        let result: Result<Void, any Error>
        do {
            result = .success(try await start(telemetry, &stages))
        } catch {
            result = .failure(error)
        }
        Greeting.flush()
        for stage in stages.reversed() { await stage.close() }
        try result.get()
    }

    /// - Parameter stages: receives each stage as soon as it has resources to release.
    private func start(_ telemetry: TelemetryStage, _ stages: inout [any Stage]) async throws {
        HangupListener.ignoreSignal()
        StartSignals.endProcess()
        let folder = try DataDirectory(
            settings.data.folder, isServing: true, services: composition.services.map { $0.name })
        let discovery = DiscoveryStage(settings, composition, folder, telemetry)
        stages.append(discovery)
        // Bind ports first: a port in use must end the start before a database is opened.
        let gateway = settings.process.runsGateway ? try GatewayStage(settings, composition, discovery, telemetry) : nil
        let address = try await gateway?.bind()
        if gateway == nil { try requireFree(settings.process.listen) }
        let administration = try gateway.flatMap { try AdministrationStage(settings, folder, $0) }
        try await administration?.bind()

        let databases = try DatabaseStage(settings.process.services, settings.data, folder)
        stages.append(databases)
        let caches = CacheStage(settings.data, telemetry)
        stages.append(caches)
        let services =
            settings.process.services.isEmpty
            ? nil
            : try ServiceStage(settings, composition, folder, telemetry, discovery, databases, caches, gateway)
        let messaging = try services.map { try MessagingStage($0.hosted, settings, composition, telemetry) }
        if let messaging { stages.append(messaging) }
        try await services?.prepare()
        try await messaging?.prepare()
        gateway?.releaseTokens()

        let registration = services.flatMap { services in
            settings.discovery.isRegistered
                ? settings.discovery.registry.map { RegistrationStage($0, services, settings, telemetry) } : nil
        }
        let signals = gateway?.watcher == nil ? HangupStage(telemetry) : nil
        let rest: [(any Stage)?] = [
            services, gateway, signals, administration, registration, ShutdownStage(databases),
        ]
        stages += rest.compactMap { $0 }
        try await serve(stages, telemetry) {
            let isListening = await services?.listening() ?? true
            discovery.listens(at: await services?.port())
            if let address, isListening {
                Greeting.show(address, services?.greetings ?? [], hasConsole: gateway?.hasConsole ?? false)
            }
        }
    }

    /// Runs the tasks of all stages. The shutdown reaches the last stage first.
    private func serve(
        _ stages: [any Stage], _ telemetry: TelemetryStage, whenStarted greet: @escaping @Sendable () async -> Void
    ) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: stages.flatMap(\.tasks).map(\.configuration), gracefulShutdownSignals: [.sigterm, .sigint],
                logger: telemetry.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await greet()
            try await tasks.waitForAll()
        }
    }

    /// Without a gateway, checks that the services' port is free before anything else starts.
    private func requireFree(_ endpoint: Endpoint) throws(UsageError) {
        do throws(ServiceError) {
            try ServiceServer.requireFree(endpoint)
        } catch {
            throw UsageError("listen: \(error)")
        }
    }
}
