import Logging
import MartletCore
import MartletDiscovery
import ServiceLifecycle

/// Registers the services of this process in the registry while they serve. It ends before them, so that no new
/// requests arrive when they stop listening.
struct RegistrationStage: Stage {
    private let registration: Registration

    init(_ registry: EtcdRegistry, _ services: ServiceStage, _ settings: Settings, _ telemetry: TelemetryStage) {
        registration = Registration(
            registry: registry, services: services,
            address: settings.discovery.advertised ?? settings.process.listen, logger: telemetry.logger)
    }

    var tasks: [StageTask] { [StageTask("registration", registration)] }
}

private struct Registration: ServiceLifecycle.Service {
    /// The time for gateways, which are notified at once, to stop sending requests.
    private static let farewell = Duration.milliseconds(500)

    let registry: EtcdRegistry
    let services: ServiceStage
    let address: Endpoint
    let logger: Logger

    func run() async throws {
        // An address is registered once the services listen.
        let port = await services.port()
        var address = address
        if case .tcp(let host, 0) = address, let port { address = .tcp(host: host, port: port) }
        let registration = try EtcdRegistration(
            registry, services: services.names, url: address.description, logger: logger)
        await cancelWhenGracefulShutdown { await registration.keep() }
        await registration.leave()
        try? await Task.sleep(for: Self.farewell)
    }
}
