/// The contents of a registry at one time.
struct RegistryList: Sendable, Equatable {
    /// A server as listed by a registry, before validation.
    struct Server: Sendable {
        /// Its name in the registry. Default: its address.
        var name: String?
        let host: String
        let port: Int
        /// The weight, of any size: only proportions matter.
        var weight = 1
    }

    private(set) var endpoints: [DiscoveredEndpoint] = []
    /// The names of unusable entries, for administrators. Bounded in number.
    private(set) var unusable: [String] = []

    private static let maximumUnusable = 100
    private static let maximumNameLength = 200

    init(_ endpoints: [DiscoveredEndpoint] = []) { self.endpoints = endpoints }

    /// - Parameter unusable: the names of entries that are not servers at all.
    init(_ servers: [Server], unusable: [String] = []) {
        for name in unusable { leaveOut(name) }
        let weights = DiscoveredEndpoint.scaled(servers.map(\.weight))
        for (server, weight) in zip(servers, weights) {
            if let endpoint = DiscoveredEndpoint(host: server.host, port: server.port, weight: weight) {
                endpoints.append(endpoint)
            } else {
                leaveOut(server.name ?? "\(server.host):\(server.port)")
            }
        }
        // Sort, so that equal lists compare equal.
        self.unusable.sort()
    }

    private mutating func leaveOut(_ name: String) {
        guard unusable.count < Self.maximumUnusable else { return }
        unusable.append(String(String.UnicodeScalarView(name.unicodeScalars.prefix(Self.maximumNameLength))))
    }
}
