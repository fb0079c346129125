import MartletWeb
import MartletCore
import MartletDiscovery

/// Where services are that run elsewhere, and how others find those that run here.
struct DiscoverySettings: Sendable {
    /// Addresses by the names of services.
    var remotes: [String: Endpoint] = [:]
    /// Finds the services without an address.
    var registry: EtcdRegistry?
    /// What is set of the registry's TLS, with or without a registry.
    let tls: RegistryTLS
    /// Whether the services of this process are entered in the registry.
    var isRegistered: Bool
    /// Where others reach the services of this process; nil: where they listen.
    var advertised: Endpoint?

    init(_ settings: inout SettingReader, _ composition: Composition) {
        remotes = settings.read(
            "services", "Addresses of services that run elsewhere, comma-separated.", form: "catalog=http://host:port",
            default: [:], shown: "none", isSecret: true, flag: .repeated("service")
        ) { try Self.remotes($0, composition) }
        registry = settings.readOptional(
            "registry_url",
            "The etcd to look up services not listed under services. Takes user:password@ where etcd requires it.",
            form: "etcd://host:port,…", isSecret: true
        ) { try EtcdRegistry(url: $0) }
        tls = RegistryTLS(
            authorities: settings.readOptional(
                "registry_ca", "The certificates (PEM) that sign the registry's.", form: "file.pem",
                shown: "those of the system", parse: SettingValue.path),
            certificate: settings.readOptional(
                "registry_certificate", "The certificate (PEM) to show to the registry. Requires registry_key.",
                form: "file.pem", parse: SettingValue.path),
            key: settings.readOptional(
                "registry_key", "The key (PEM) of registry_certificate.", form: "file.pem", parse: SettingValue.path))
        if tls != RegistryTLS() { registry?.tls = tls }
        isRegistered = settings.read(
            "register", "Whether to enter the services of this process in the registry.", form: "true|false",
            default: false, flag: .toggle, parse: SettingValue.boolean)
        advertised = settings.readOptional(
            "advertise_address", "The address at which others reach the services of this process.", form: "host:port",
            shown: "listen"
        ) { text in
            let endpoint = try Endpoint(text)
            guard case .tcp(_, 1...) = endpoint else { throw SettingMistake("must be host:port") }
            return endpoint
        }
        if (tls.certificate == nil) != (tls.key == nil) {
            settings.report("registry_key: needs registry_certificate, and the other way round")
        }
    }

    private static func remotes(_ text: String, _ composition: Composition) throws -> [String: Endpoint] {
        var remotes: [String: Endpoint] = [:]
        for pair in try SettingValue.list(text) {
            let (name, url) = try SettingValue.pair(pair, "catalog=http://127.0.0.1:8002")
            guard case .service(let service) = try composition.part(name) else {
                let names = composition.services.map { $0.name }.joined(separator: " or ")
                throw SettingMistake("the gateway is not a service; name \(names)")
            }
            remotes[service] = try Endpoint(url)
        }
        return remotes
    }
}
