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
    let verifiers: TokenVerifiers
    private let endpoints = Mutex<[EndpointKey: EndpointState]>([:])
    private let folders = Mutex<[GatewayConfiguration.Files: [String: StaticFile]]>([:])
    private let concurrency = Mutex<[String: ConcurrencyLimit.Places]>([:])
    private let retries = Mutex<[String: UpstreamRetries]>([:])
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

    /// The same count for the limit of the same owner, whatever configuration it stands in and however high it is there.
    /// - Parameter name: whose limit it is.
    func concurrencyLimit(_ configuration: GatewayConfiguration.Concurrency?, of name: String) -> ConcurrencyLimit? {
        guard let configuration else { return nil }
        return concurrency.withLock { all in
            let places = all[name] ?? ConcurrencyLimit.Places()
            all[name] = places
            return ConcurrencyLimit(configuration, places, of: name)
        }
    }

    /// The same for the same upstream, whatever configuration it stands in.
    func retries(of upstream: String) -> UpstreamRetries {
        retries.withLock { all in
            let known = all[upstream] ?? UpstreamRetries()
            all[upstream] = known
            return known
        }
    }

    /// Forgets what a configuration that is in force does not name any more. Requests under way keep what they have.
    func keepOwners(of settings: GatewaySettings) {
        let limits = (settings.routes.map(\.concurrency) + settings.upstreams.map(\.concurrency)).compactMap {
            $0?.name
        }
        let (limited, upstreams) = (Set(limits), Set(settings.upstreams.map(\.configuration.name)))
        concurrency.withLock { all in all = all.filter { limited.contains($0.key) } }
        retries.withLock { all in all = all.filter { upstreams.contains($0.key) } }
    }

    /// Forgets the endpoints that a configuration does not name: where they are discovered, others come all the time.
    /// - Returns: those, with the names of their upstreams.
    func keepEndpoints(of upstreams: [GatewaySettings.CompiledUpstream]) -> [(upstream: String, endpoint: Endpoint)] {
        let kept = Set(upstreams.flatMap { $0.states.map(ObjectIdentifier.init) })
        return endpoints.withLock { endpoints in
            var gone: [EndpointKey] = []
            for (key, state) in endpoints where !kept.contains(ObjectIdentifier(state)) { gone.append(key) }
            for key in gone { endpoints[key] = nil }
            // One that has another weight or breaker now is not gone.
            var left: [String: Set<Endpoint>] = [:]
            for key in endpoints.keys { left[key.upstream, default: []].insert(key.endpoint) }
            return gone.filter { left[$0.upstream]?.contains($0.endpoint) != true }.map { ($0.upstream, $0.endpoint) }
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

    func verifier(_ issuer: TokenIssuer) -> TokenVerifier<GatewayPrincipal> { verifiers.verifier(issuer) }
}
