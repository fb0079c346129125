import MartletDiscovery
import MartletCore
import MartletWeb

extension Settings {
    /// Finds settings that are individually valid but contradict each other.
    func contradictions(_ composition: Composition) -> [String] {
        var problems = placeContradictions(composition) + gatewayContradictions(composition)
        problems += brokerContradictions()
        if discovery.registry == nil {
            if discovery.tls.authorities != nil { problems.append("registry_ca: requires registry_url") }
            if discovery.tls.certificate != nil { problems.append("registry_certificate: requires registry_url") }
        }
        if discovery.isRegistered { problems += registrationContradictions() }
        if let issuer = composition.issuer?.name, !process.services.isEmpty, !process.services.contains(issuer),
            discovery.remotes[issuer] == nil, discovery.registry == nil
        {
            problems.append(
                "services: \(Self.listed(process.services)) requires the address of \(issuer), such as "
                    + "\(issuer)=http://127.0.0.1:8001")
        }
        return problems
    }

    private func placeContradictions(_ composition: Composition) -> [String] {
        process.services.sorted().filter { discovery.remotes[$0] != nil }.map { service in
            let others = composition.parts.map(\.name).filter { name in
                process.parts.contains { $0.name == name } && discovery.remotes[name] == nil
            }
            return
                "services: \(service) runs in this process and is also listed under services. Remove it from services"
                + (others.isEmpty ? "." : ", or set only: \(others.joined(separator: ","))")
        }
    }

    private func gatewayContradictions(_ composition: Composition) -> [String] {
        var problems: [String] = []
        guard process.runsGateway else {
            // These settings would have no effect, and a user who sets them relies on them.
            if edge.file != nil { problems.append("gateway_file: no gateway runs here; add gateway to only") }
            if edge.adminListen != nil {
                problems.append("admin_listen: no gateway runs here; add gateway to only")
            }
            return problems
        }
        if process.services.isEmpty, discovery.remotes.isEmpty, edge.routes.isEmpty, edge.file == nil,
            discovery.registry == nil
        {
            let example = composition.services.enumerated().map { "\($1.name)=http://127.0.0.1:\(8001 + $0)" }
            problems.append(
                "services: a gateway without services requires their addresses, such as "
                    + example.joined(separator: ","))
        }
        for (service, endpoint) in discovery.remotes where endpoint == process.listen {
            problems.append("services: the address of \(service) is that of this gateway")
        }
        if case .unix = process.listen { problems.append("listen: the gateway requires host:port") }
        return problems
    }

    private func registrationContradictions() -> [String] {
        var problems: [String] = []
        if discovery.registry == nil { problems.append("register: requires registry_url") }
        if process.services.isEmpty { problems.append("register: no service runs here") }
        if process.runsGateway, !process.services.isEmpty {
            problems.append("register: services in the gateway's process are not reachable; run them separately")
        }
        if discovery.advertised == nil {
            switch process.listen {
            case .tcp("0.0.0.0", _), .tcp("::", _), .unix:
                problems.append("advertise_address: required, because others cannot reach '\(process.listen)'")
            case .tcp: break
            }
        }
        return problems
    }

    private static func listed(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }
}
