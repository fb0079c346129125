import Logging
import MartletClient
import MartletCore
import MartletDiscovery
import MartletWeb
import Synchronization

/// The locations of services: in this process, at a configured address, or in the registry.
struct DiscoveryStage: Stage {
    /// The location of a service.
    enum Place: Sendable {
        case at(Endpoint)
        case found(DiscoverySource)
    }

    private let settings: Settings
    private let names: [String]
    private let folder: DataDirectory
    private let logger: Logger
    /// The clients created for services in the registry, by name.
    private let found = FoundServices()
    private let ownPort = OwnPort()

    init(_ settings: Settings, _ composition: Composition, _ folder: DataDirectory, _ telemetry: TelemetryStage) {
        self.settings = settings
        names = composition.services.map { $0.name }
        self.folder = folder
        logger = telemetry.logger
    }

    /// nil for a service that does not run here, has no address and is not in a registry.
    func place(of service: String) -> Place? {
        if let remote = settings.discovery.remotes[service] { return .at(remote) }
        if settings.process.services.contains(service) {
            // With a gateway, each service has its own socket. Otherwise they share the process's address.
            return .at(settings.process.runsGateway ? folder.socket(of: service) : settings.process.listen.reachable)
        }
        return settings.source(of: service).map { .found($0) }
    }

    /// Returns a client for a service. Call it before ``tasks``, which update the addresses of all clients.
    /// - Throws: ``ServiceError`` if the platform has no such service or does not know its address.
    func client(of service: String) throws(ServiceError) -> ServiceClient {
        guard names.contains(service) else {
            throw ServiceError("there is no service '\(service)'.\(Suggestion.hint(for: service, among: names))")
        }
        switch place(of: service) {
        case .at(.tcp(let host, 0)):
            // The system chooses the port of this process later.
            return ServiceClient(service, logger: logger) { [ownPort] in
                ownPort.value.map { .tcp(host: host, port: $0) }
            }
        case .at(let endpoint): return ServiceClient(service, at: endpoint, logger: logger)
        case .found(let source):
            guard let found = found.service(service, source, logger) else {
                throw ServiceError("\(service): ask for its client in the initializer of the service that calls it")
            }
            return found.client
        case nil:
            throw ServiceError(
                "services: the address of \(service) is missing; add it, such as \(service)=http://127.0.0.1:8001"
            )
        }
    }

    /// Records the port at which this process listens.
    func listens(at port: Int?) { ownPort.value = port }

    /// Removes the folder of the sockets if it is a temporary one.
    func close() async { folder.removeSockets() }

    var tasks: [StageTask] { found.all().map { StageTask("discovery", $0) } }
}

/// The TCP port of this process; nil before it listens.
private final class OwnPort: Sendable {
    private let box = Mutex<Int?>(nil)

    var value: Int? {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}

/// The services found in the registry, each once.
private final class FoundServices: Sendable {
    private struct State {
        var services: [String: DiscoveredService] = [:]
        /// Whether ``all`` has been read. A service added later would never be looked for.
        var isClosed = false
    }

    private let state = Mutex(State())

    /// All services. No further one can be added afterwards.
    func all() -> [DiscoveredService] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.services.values)
        }
    }

    /// - Returns: nil for a new service after ``all()``.
    func service(_ name: String, _ source: DiscoverySource, _ logger: Logger) -> DiscoveredService? {
        state.withLock { state in
            if let service = state.services[name] { return service }
            guard !state.isClosed else { return nil }
            let service = DiscoveredService(name, source, logger: logger)
            state.services[name] = service
            return service
        }
    }
}

extension Endpoint {
    /// The address to call for an address to listen on. A wildcard becomes the loopback address.
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
