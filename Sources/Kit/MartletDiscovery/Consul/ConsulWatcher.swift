import MartletCore
import NIOHTTP1

/// Asks Consul's health API again and again; each question waits until something has changed.
struct ConsulWatcher: EndpointWatcher {
    /// Between two questions, so that a service that changes all the time does not keep both busy.
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
                throw RegistryError("consul answers \(answer.status)", status: answer.status)
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

    /// The instances in an answer of `/v1/health/service/NAME`; one that names no address is at its node's.
    /// - Throws: ``RegistryError`` for an answer that is no list.
    static func list(_ answer: JSONValue) throws -> RegistryList {
        guard let entries = answer.arrayValue else { throw RegistryError("consul's answer is no list of instances") }
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
