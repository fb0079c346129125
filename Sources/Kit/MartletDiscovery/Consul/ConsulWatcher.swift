import MartletCore
import NIOHTTP1

/// Watches Consul's health API with blocking queries, each of which returns when something has changed.
struct ConsulWatcher: EndpointWatcher {
    /// The pause between two queries, which limits the load from a service that changes constantly.
    private static let pause = Duration.milliseconds(250)

    private let source: ConsulSource

    init(_ source: ConsulSource) { self.source = source }

    func watch(_ found: @Sendable (RegistryList) -> Void) async throws {
        let http = try RegistryHTTP(source.tls)
        let headers = source.token.map { [("X-Consul-Token", $0)] } ?? []
        var index = ConsulIndex()
        while true {
            // Consul adds up to a sixteenth to the wait.
            let answer = try await http.send(
                .GET, url(index), headers: headers, deadline: source.wait + source.wait / 16 + .seconds(5))
            guard answer.status == 200 else {
                throw RegistryError("Consul returned status \(answer.status)", status: answer.status)
            }
            found(try Self.list(answer.json))
            index.advance(answer.headers.first(name: "X-Consul-Index"))
            try await Task.sleep(for: Self.pause)
        }
    }

    private func url(_ index: ConsulIndex) -> String {
        var query = "passing=1&index=\(index.value)&wait=\(source.wait.components.seconds)s"
        if let tag = source.tag { query += "&tag=\(PercentEncoding.encode(tag))" }
        if let datacenter = source.datacenter { query += "&dc=\(PercentEncoding.encode(datacenter))" }
        return "\(source.address)/v1/health/service/\(PercentEncoding.encode(source.service))?\(query)"
    }

    /// The instances in a response of `/v1/health/service/NAME`. An instance without an address has that of its node.
    /// - Throws: ``RegistryError`` when the response is not a list.
    static func list(_ answer: JSONValue) throws -> RegistryList {
        guard let entries = answer.arrayValue else { throw RegistryError("Consul returned no list of instances") }
        var servers: [RegistryList.Server] = []
        var unusable: [String] = []
        for entry in entries {
            let service = entry["Service"]
            let id = service?["ID"]?.stringValue
            guard let service, let port = service["Port"]?.intValue else {
                unusable.append(id ?? "an instance without a port")
                continue
            }
            let own = service["Address"]?.stringValue ?? ""
            let host = own.isEmpty ? entry["Node"]?["Address"]?.stringValue ?? "" : own
            let weight = service["Weights"]?["Passing"]?.intValue ?? 1
            servers.append(.init(name: id, host: host, port: port, weight: weight))
        }
        return RegistryList(servers, unusable: unusable)
    }
}
