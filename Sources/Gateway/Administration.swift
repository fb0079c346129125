package import MartletCore

/// Operations for administrators of a running gateway.
extension Gateway {
    /// The routes and endpoints in force, the health of the endpoints and the size of the rate-limit tables. Contains
    /// no keys and no secrets.
    package var state: JSONValue {
        var members = current.settings.state(resources.discovery).objectValue ?? []
        members.append(("is_draining", .bool(isDraining)))
        members.append(("limits", ["clients_remembered": .number(String(resources.rateLimits.clients))]))
        return .object(members)
    }

    /// Stops sending new requests to an endpoint, or resumes. Requests in progress complete, and idle connections are
    /// closed. The setting survives a reload of the configuration.
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

    /// Whether every response closes its connection, so that clients move to another gateway.
    package var isDraining: Bool { resources.isDraining }

    /// Makes every response close its connection, and closes idle connections. Call it before a shutdown so that
    /// clients have moved away by then. New connections are still accepted.
    package func setDraining(_ isDraining: Bool) async {
        resources.isDraining = isDraining
        await listener.forEachLoop { $0.setDraining(isDraining) }
    }
}
