/// What a registry names at one time.
struct RegistryList: Sendable, Equatable {
    /// A server as a registry names it, before anybody has looked whether that can be one.
    struct Server: Sendable {
        /// What the registry knows it by; nil: by its address.
        var name: String?
        let host: String
        let port: Int
        /// Of any size: only the proportions count.
        var weight = 1
    }

    private(set) var endpoints: [DiscoveredEndpoint] = []
    /// The names of what cannot be used, for administrators; some of them when there are very many.
    private(set) var unusable: [String] = []

    private static let maximumUnusable = 100
    private static let maximumNameLength = 200

    init(_ endpoints: [DiscoveredEndpoint] = []) { self.endpoints = endpoints }

    /// - Parameter unusable: names of what is no server at all.
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
        // In one order, so that the same twice is no news.
        self.unusable.sort()
    }

    private mutating func leaveOut(_ name: String) {
        guard unusable.count < Self.maximumUnusable else { return }
        unusable.append(String(String.UnicodeScalarView(name.unicodeScalars.prefix(Self.maximumNameLength))))
    }
}
