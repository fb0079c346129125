package import MartletCore

/// What who administers a gateway may ask of it while it runs.
extension Gateway {
    /// The routes and endpoints in force, how the endpoints are, and what limits remember. No keys, no secrets.
    package var state: JSONValue {
        var members = current.settings.state(resources.discovery).objectValue ?? []
        members.append(("is_draining", .bool(isDraining)))
        members.append(("limits", ["clients_remembered": .number(String(resources.rateLimits.clients))]))
        return .object(members)
    }

    /// Keeps new requests from an endpoint or lets them go there again. Requests under way are finished, and unused
    /// connections are closed. Stays so when the configuration is read again.
    /// - Returns: false when no upstream of that name has that endpoint.
    package func setDrained(_ isDrained: Bool, _ endpoint: Endpoint, of upstream: String) async -> Bool {
        let isKnown = current.settings.upstreams.contains { candidate in
            candidate.configuration.name == upstream && candidate.states.contains { $0.endpoint == endpoint }
        }
        guard isKnown else { return false }
        resources.setDrained(isDrained, endpoint, of: upstream)
        if isDrained { await listener.forEachLoop { $0.closeIdle(endpoint, of: upstream) } }
        return true
    }

    /// Whether every answer ends its connection, so that clients look for another gateway.
    package var isDraining: Bool { resources.isDraining }

    /// Has every answer end its connection, and closes those that are not in use: what comes before a shutdown, so that
    /// it finds nobody. New connections are accepted as before.
    package func setDraining(_ isDraining: Bool) async {
        resources.isDraining = isDraining
        await listener.forEachLoop { $0.setDraining(isDraining) }
    }
}
