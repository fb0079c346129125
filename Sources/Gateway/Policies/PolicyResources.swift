import Logging
import MartletCore
import MartletTokens
import Synchronization

/// State that routes share and that survives a reload: rate-limit counts, verified tokens and keys, endpoint health.
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
    /// Drained endpoints by upstream. Kept apart from the endpoint states, which a reload may replace.
    private let drained = Mutex<[String: Set<Endpoint>]>([:])
    private let draining = Atomic(false)

    init(logger: Logger) {
        verifiers = TokenVerifiers(logger: logger)
        sharedLimitHealth = SharedLimitHealth(logger: logger)
        discovery = UpstreamDiscovery(logger: logger)
    }

    /// The current files of a folder. Files unchanged since the last read are not read again.
    func files(_ configuration: GatewayConfiguration.Files) -> [String: StaticFile]? {
        let known = folders.withLock { $0[configuration] } ?? [:]
        let files = StaticFolder.read(configuration.root, .init(configuration), known: known)
        folders.withLock { folders in
            // Drops those of earlier configurations.
            if folders.count >= 16 { folders = [:] }
            folders[configuration] = files
        }
        return files
    }

    /// Returns the same state for the same endpoint of the same upstream across reloads.
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

    /// Returns a limit whose count survives reloads, even if its maximum changes.
    /// - Parameter name: the owner of the limit.
    func concurrencyLimit(_ configuration: GatewayConfiguration.Concurrency?, of name: String) -> ConcurrencyLimit? {
        guard let configuration else { return nil }
        return concurrency.withLock { all in
            let places = all[name] ?? ConcurrencyLimit.Places()
            all[name] = places
            return ConcurrencyLimit(configuration, places, of: name)
        }
    }

    /// Returns the same retry budget for the same upstream across reloads.
    func retries(of upstream: String) -> UpstreamRetries {
        retries.withLock { all in
            let known = all[upstream] ?? UpstreamRetries()
            all[upstream] = known
            return known
        }
    }

    /// Forgets limits and budgets that the current configuration no longer uses. Requests in progress keep theirs.
    func keepOwners(of settings: GatewaySettings) {
        let limits = (settings.routes.map(\.concurrency) + settings.upstreams.map(\.concurrency)).compactMap {
            $0?.name
        }
        let (limited, upstreams) = (Set(limits), Set(settings.upstreams.map(\.configuration.name)))
        concurrency.withLock { all in all = all.filter { limited.contains($0.key) } }
        retries.withLock { all in all = all.filter { upstreams.contains($0.key) } }
    }

    /// Forgets endpoints that the current configuration no longer uses: discovery replaces endpoints all the time.
    /// - Returns: the forgotten endpoints with the names of their upstreams.
    func keepEndpoints(of upstreams: [GatewaySettings.CompiledUpstream]) -> [(upstream: String, endpoint: Endpoint)] {
        let kept = Set(upstreams.flatMap { $0.states.map(ObjectIdentifier.init) })
        return endpoints.withLock { endpoints in
            var gone: [EndpointKey] = []
            for (key, state) in endpoints where !kept.contains(ObjectIdentifier(state)) { gone.append(key) }
            for key in gone { endpoints[key] = nil }
            // An endpoint whose weight or breaker changed is still in use.
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
