import MartletCore
import MartletDiscovery
import MartletRedis

extension GatewaySettings {
    /// The state that the administration shows. Contains no keys and no secrets.
    func state(_ discovery: UpstreamDiscovery) -> JSONValue {
        let routes = zip(configuration.routes, routes).map { route, compiled -> JSONValue in
            var upstreams: [JSONValue] = []
            if case .proxy(let shares) = route.action {
                upstreams = shares.map { ["name": .string($0.upstream), "weight": .number(String($0.weight))] }
            }
            if case .grpc(let grpc) = route.action { upstreams = [["name": .string(grpc.upstream), "weight": 1]] }
            let kind =
                switch route.match {
                case .exact: "path"
                case .prefix: "prefix"
                case .template: "template"
                }
            return [
                "name": .string(route.name ?? route.match.path), kind: .string(route.match.path),
                "hosts": .array(route.hosts.map { .string($0) }), "methods": .array(route.methods.map { .string($0) }),
                "upstreams": .array(upstreams), "permission": route.policies.permission.map { .string($0) } ?? .null,
                "is_authenticated": .bool(route.policies.authentication != nil),
                "concurrency": Self.state(compiled.concurrency),
            ]
        }
        let upstreams = upstreams.map { upstream -> JSONValue in
            let endpoints = upstream.states.map { state -> JSONValue in
                [
                    "url": .string(
                        upstream.tls == nil
                            ? state.endpoint.description
                            : state.endpoint.description.replacing("http://", with: "https://", maxReplacements: 1)),
                    "weight": .number(String(state.weight)),
                    "is_healthy": .bool(state.isHealthy), "breaker": .string(state.breakerState),
                    "is_drained": .bool(state.isDrained), "in_flight": .number(String(state.inFlight)),
                ]
            }
            return [
                "name": .string(upstream.configuration.name), "endpoints": .array(endpoints),
                "concurrency": Self.state(upstream.concurrency),
                "retries": [
                    "sent": .number(String(upstream.retries.sent)),
                    "refused": .number(String(upstream.retries.refused)),
                ],
                "discovery": upstream.configuration.discovery.map { Self.state($0, discovery) } ?? .null,
            ]
        }
        let redis = configuration.redis.map { redis -> JSONValue in
            [
                "url": .string(redis.location.description),
                "is_available": sharedLimitHealth.isAvailable.map { .bool($0) } ?? .null,
                "error": sharedLimitHealth.reason.map { .string($0) } ?? .null,
            ]
        }
        return ["routes": .array(routes), "upstreams": .array(upstreams), "redis": redis ?? .null]
    }

    private static func state(_ limit: ConcurrencyLimit?) -> JSONValue {
        guard let limit else { return .null }
        let (running, waiting) = limit.counts
        return [
            "limit": .number(String(limit.configuration.limit)), "running": .number(String(running)),
            "waiting": .number(String(waiting)),
        ]
    }

    private static func state(
        _ discovery: GatewayConfiguration.Discovery, _ found: UpstreamDiscovery
    ) -> JSONValue {
        let status = found.status(of: discovery)
        let refused = (status.endpoints ?? []).filter { !discovery.allows($0.endpoint) }
        return [
            "source": .string(discovery.source.description),
            "is_reachable": status.isReachable.map { .bool($0) } ?? .null,
            "error": status.error.map { .string($0) } ?? .null,
            "refused": .array((refused.map(\.endpoint.description) + status.unusable).map { .string($0) }),
        ]
    }
}
