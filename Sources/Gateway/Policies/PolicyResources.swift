import Logging
import MartletCore
import MartletTokens
import Synchronization

/// What routes share, and what outlives a configuration: counts, verified tokens and keys, the state of endpoints.
final class PolicyResources: Sendable {
    private struct EndpointKey: Hashable {
        let endpoint: Endpoint
        let upstream: String
        let weight: Int
        let breaker: GatewayConfiguration.Breaker?
    }

    let rateLimits = RateLimitTables()
    let sharedLimitHealth: SharedLimitHealth
    let labels = RouteLabels()
    let cache = ResponseCache(limit: GatewayConfiguration.Limits().cache)
    let discovery: UpstreamDiscovery
    private let verifiers: TokenVerifiers
    private let endpoints = Mutex<[EndpointKey: EndpointState]>([:])
    private let folders = Mutex<[GatewayConfiguration.Files: [String: StaticFile]]>([:])
    private let concurrency = Mutex<[String: ConcurrencyLimit]>([:])
    /// Endpoints that get no new requests, by their upstreams; beside their states, which change with the file.
    private let drained = Mutex<[String: Set<Endpoint>]>([:])
    private let draining = Atomic(false)

    init(logger: Logger) {
        verifiers = TokenVerifiers(logger: logger)
        sharedLimitHealth = SharedLimitHealth(logger: logger)
        discovery = UpstreamDiscovery(logger: logger)
    }

    /// The files of a folder as they are now. Those that have not changed since the last time are not read again.
    func files(_ configuration: GatewayConfiguration.Files) -> [String: StaticFile]? {
        let known = folders.withLock { $0[configuration] } ?? [:]
        let files = StaticFolder.read(configuration.root, .init(configuration), known: known)
        folders.withLock { folders in
            // Those of configurations that are gone.
            if folders.count >= 16 { folders = [:] }
            folders[configuration] = files
        }
        return files
    }

    func revoke(session: String, until: Int64) { verifiers.revoke(session: session, until: until) }

    /// The same state for the same endpoint of the same upstream, whatever configuration it stands in.
    func endpoint(_ endpoint: Endpoint, weight: Int, of upstream: GatewayConfiguration.Upstream) -> EndpointState {
        let key = EndpointKey(endpoint: endpoint, upstream: upstream.name, weight: weight, breaker: upstream.breaker)
        return endpoints.withLock { endpoints in
            if let state = endpoints[key] { return state }
            let state = EndpointState(endpoint, weight: weight, breaker: upstream.breaker)
            state.isDrained = drained.withLock { $0[upstream.name]?.contains(endpoint) == true }
            endpoints[key] = state
            return state
        }
    }

    /// The same count for the same limit, whatever configuration it stands in.
    /// - Parameter name: whose limit it is.
    func concurrencyLimit(_ configuration: GatewayConfiguration.Concurrency?, of name: String) -> ConcurrencyLimit? {
        guard let configuration else { return nil }
        return concurrency.withLock { limits in
            if let known = limits[name], known.configuration == configuration { return known }
            let limit = ConcurrencyLimit(configuration)
            limits[name] = limit
            return limit
        }
    }

    /// Forgets the endpoints that a configuration does not name: where they are discovered, others come all the time.
    /// - Returns: those, with the names of their upstreams.
    func keepEndpoints(of upstreams: [GatewaySettings.Upstream]) -> [(upstream: String, endpoint: Endpoint)] {
        let kept = Set(upstreams.flatMap { $0.states.map(ObjectIdentifier.init) })
        return endpoints.withLock { endpoints in
            var gone: [EndpointKey] = []
            for (key, state) in endpoints where !kept.contains(ObjectIdentifier(state)) { gone.append(key) }
            for key in gone { endpoints[key] = nil }
            return gone.filter { key in
                !endpoints.keys.contains { $0.upstream == key.upstream && $0.endpoint == key.endpoint }
            }.map { ($0.upstream, $0.endpoint) }
        }
    }

    func setDrained(_ isDrained: Bool, _ endpoint: Endpoint, of upstream: String) {
        endpoints.withLock { endpoints in
            drained.withLock { drained in
                if isDrained {
                    drained[upstream, default: []].insert(endpoint)
                } else {
                    drained[upstream]?.remove(endpoint)
                }
            }
            for (key, state) in endpoints where key.endpoint == endpoint && key.upstream == upstream {
                state.isDrained = isDrained
            }
        }
    }

    var isDraining: Bool {
        get { draining.load(ordering: .relaxed) }
        set { draining.store(newValue, ordering: .relaxed) }
    }

    func verifier(_ issuer: TokenIssuer) -> TokenVerifier<Identity> { verifiers.verifier(issuer) }
}
