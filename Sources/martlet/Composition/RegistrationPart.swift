import Logging
import MartletCore
import MartletDiscovery
import MartletWeb
import ServiceLifecycle

/// Enters the services of this process in the registry for as long as they serve.
struct RegistrationPart: ServiceLifecycle.Service {
    let registry: EtcdRegistry
    let services: [String]
    let server: ServiceServer
    let settings: Settings
    let logger: Logger

    /// Must be the first to shut down: nobody new comes, and only then the services stop to listen.
    func run() async throws {
        let port = await server.listening()
        var address = settings.advertised ?? settings.listen
        if case .tcp(let host, 0) = address, let port { address = .tcp(host: host, port: port) }
        let registration = try EtcdRegistration(
            registry, services: services, url: address.description, logger: logger)
        await cancelWhenGracefulShutdown { await registration.keep() }
        await registration.leave()
        // Gateways hear of it at once, and need a moment to act upon it.
        try? await Task.sleep(for: .milliseconds(500))
    }
}
