import MartletDiscovery
import MartletCore
import MartletWeb

extension Settings {
    /// Finds settings that are valid by themselves and contradict each other.
    func contradictions(_ composition: Composition) -> [String] {
        var problems = placeContradictions(composition) + gatewayContradictions(composition)
        if discovery.registry == nil {
            if discovery.tls.authorities != nil { problems.append("registry_ca: needs registry_url") }
            if discovery.tls.certificate != nil { problems.append("registry_certificate: needs registry_url") }
        }
        if discovery.isRegistered { problems += registrationContradictions() }
        if let issuer = composition.issuer?.name, !process.services.isEmpty, !process.services.contains(issuer),
            discovery.remotes[issuer] == nil, discovery.registry == nil
        {
            problems.append(
                "services: \(Self.listed(process.services)) needs to know where \(issuer) is, such as "
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
                "services: \(service) runs in this process, and services says that it runs elsewhere. Take it out of services"
                + (others.isEmpty ? "." : ", or say what runs here: only: \(others.joined(separator: ","))")
        }
    }

    private func gatewayContradictions(_ composition: Composition) -> [String] {
        var problems: [String] = []
        guard process.runsGateway else {
            // Whoever sets them counts on them: a policy in the file, or an administration that can be reached.
            if edge.file != nil { problems.append("gateway_file: there is no gateway here; add gateway to only") }
            if edge.adminListen != nil {
                problems.append("admin_listen: there is no gateway here; add gateway to only")
            }
            return problems
        }
        if process.services.isEmpty, discovery.remotes.isEmpty, edge.routes.isEmpty, edge.file == nil,
            discovery.registry == nil
        {
            let example = composition.services.enumerated().map { "\($1.name)=http://127.0.0.1:\(8001 + $0)" }
            problems.append(
                "services: a gateway alone needs to know where the services are, such as "
                    + example.joined(separator: ","))
        }
        if case .unix = process.listen { problems.append("listen: the gateway listens on host:port") }
        return problems
    }

    private func registrationContradictions() -> [String] {
        var problems: [String] = []
        if discovery.registry == nil { problems.append("register: needs registry_url") }
        if process.services.isEmpty { problems.append("register: there is no service here to register") }
        if process.runsGateway, !process.services.isEmpty {
            problems.append("register: services beside a gateway have no address that others reach; run them apart")
        }
        if discovery.advertised == nil {
            switch process.listen {
            case .tcp("0.0.0.0", _), .tcp("::", _), .unix:
                problems.append("advertise_address: must be said, as others do not reach '\(process.listen)'")
            case .tcp: break
            }
        }
        return problems
    }

    private static func listed(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }
}
