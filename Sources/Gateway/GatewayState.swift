import MartletCore

extension GatewaySettings {
    /// What an administrator may see. No keys, no secrets.
    var state: JSONValue {
        let routes = configuration.routes.map { route -> JSONValue in
            var upstreams: [JSONValue] = []
            if case .proxy(let shares) = route.action {
                upstreams = shares.map { ["name": .string($0.upstream), "weight": .number(String($0.weight))] }
            }
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
            ]
        }
        let upstreams = upstreams.map { upstream -> JSONValue in
            let endpoints = upstream.states.map { state -> JSONValue in
                [
                    "url": .string(state.endpoint.description), "weight": .number(String(state.weight)),
                    "is_healthy": .bool(state.isHealthy), "breaker": .string(state.breakerState),
                    "in_flight": .number(String(state.inFlight)),
                ]
            }
            return ["name": .string(upstream.configuration.name), "endpoints": .array(endpoints)]
        }
        return ["routes": .array(routes), "upstreams": .array(upstreams)]
    }
}
