import Logging
import MartletClient
import MartletCore
import MartletDiscovery
import ServiceLifecycle
import Synchronization

/// A service whose instances the registry lists.
final class DiscoveredService: ServiceLifecycle.Service {
    private let source: DiscoverySource
    private let name: String
    private let logger: Logger
    private let state = Mutex<(endpoints: [Endpoint], next: Int)>(([], 0))

    init(_ name: String, _ source: DiscoverySource, logger: Logger) {
        self.source = source
        self.name = name
        self.logger = logger
    }

    /// A client that calls the instances in turn.
    var client: ServiceClient { ServiceClient(name, logger: logger) { [self] in next() } }

    private func next() -> Endpoint? {
        state.withLock { state in
            guard !state.endpoints.isEmpty else { return nil }
            state.next = (state.next + 1) % state.endpoints.count
            return state.endpoints[state.next]
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await EndpointDiscovery(source, logger: logger).run { event in
                guard case .endpoints(let found) = event else { return }
                state.withLock { $0.endpoints = found.map(\.endpoint) }
            }
        }
    }
}
