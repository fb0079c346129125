import MartletWeb
import MartletCore
import MartletDiscovery

/// The addresses of services that run elsewhere, and the registration of those that run here.
struct DiscoverySettings: Sendable {
    /// Addresses by service name.
    var remotes: [String: Endpoint] = [:]
    /// The registry in which services without an address are found.
    var registry: EtcdRegistry?
    /// The TLS settings of the registry, with or without a registry.
    let tls: RegistryTLS
    /// Whether the services of this process are registered.
    var isRegistered: Bool
    /// The address at which others reach the services of this process; nil for the address they listen on.
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
                "registry_ca", "The authorities (PEM) that sign the registry's certificate.", form: "file.pem",
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
            settings.report("registry_key: requires registry_certificate, and vice versa")
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
