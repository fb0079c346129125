import Accounts
import Configuration
import Gateway
import Logging
import MartletCore
import MartletData
import MartletDiscovery

/// What one `martlet serve` is to do, read from flags over environment over file, and checked before it starts.
struct Settings: Sendable {
    var parts: Set<Part> = Set(Part.allCases)
    var listen = Endpoint.tcp(host: "127.0.0.1", port: 8080)
    var dataDirectory = "data"
    /// nil: where it is found, see ``ConsoleFolder``.
    var consoleDirectory: String?
    /// nil: SQLite files in the data folder.
    var databaseURL: String?
    var databaseConnections = 8
    /// Where services that run elsewhere are.
    var remotes: [Part: Endpoint] = [:]
    /// Where services are found that run elsewhere and that nobody has named.
    var registry: EtcdRegistry?
    /// What is said about a registry's TLS, though there may be no registry.
    private var registryTLS = RegistryTLS()
    /// Whether the services that run here are entered in the registry.
    var isRegistered = false
    /// Where others reach the services that run here; nil: where they listen.
    var advertised: Endpoint?
    /// Further paths of the gateway.
    var routes: [(path: String, endpoint: Endpoint)] = []
    /// Upstreams and routes beside those of the services.
    var gatewayFile: String?
    /// Where the gateway tells its state; nil: nowhere.
    var adminListen: Endpoint?
    var trustedProxies: [AddressRange] = []
    var accounts = AccountsSettings(keyDirectory: "data/keys")
    /// The collector of traces; nil: nothing is traced.
    var otlpEndpoint: String?
    var traceSample = 1.0
    var logLevel = Logger.Level.info

    /// What a process can run.
    enum Part: String, CaseIterable, Sendable {
        case gateway, accounts, catalog
    }
}

extension Settings {
    /// - Parameters:
    ///   - flags: what they say.
    ///   - file: the path of the YAML file, if there is one.
    /// - Throws: ``UsageError`` that names every setting that is wrong.
    init(_ flags: [SettingKey: String], file: String?, environment: [String: String]) throws(UsageError) {
        let file =
            try file.map { path throws(UsageError) in
                try ConfigurationFile.read(Self.path(path, of: "config"))
            } ?? [:]
        let environment = environment.filter { !Self.isServiceLink($0.key, $0.value) }
        let reader = ConfigReader(providers: [
            Self.provider("flags", flags),
            EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: .all).prefixKeys(
                with: "martlet"),
            // The names that platforms as a service and other frameworks use.
            Self.provider("environment", Self.commonVariables(environment)),
            Self.provider("file", file),
        ])
        try self.init(reader, knownVariables: environment.keys)
    }

    /// Whether it is what Kubernetes tells every container about a Service, which may be called `martlet` or
    /// `martlet-accounts`: `MARTLET_SERVICE_HOST`, `MARTLET_PORT=tcp://10.43.0.7:80`, `MARTLET_PORT_80_TCP_ADDR`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        guard name.hasPrefix("MARTLET_") else { return false }
        if name.hasSuffix("_PORT") || name.hasSuffix("_TCP") || name.hasSuffix("_UDP") || name.hasSuffix("_SCTP") {
            if ["tcp://", "udp://", "sctp://"].contains(where: value.hasPrefix) { return true }
        }
        return name.contains(#/_SERVICE_(HOST|PORT)(_|$)/#) || name.contains(#/_PORT_[0-9]+_(TCP|UDP|SCTP)_/#)
    }

    private static func commonVariables(_ environment: [String: String]) -> [SettingKey: String] {
        var values: [SettingKey: String] = [:]
        values[.databaseURL] = environment["DATABASE_URL"]
        values[.otlpEndpoint] = environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        return values
    }

    private static func provider(_ name: String, _ values: [SettingKey: String]) -> InMemoryProvider {
        InMemoryProvider(
            name: name,
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    (AbsoluteConfigKey([key.rawValue]), ConfigValue(.string(value), isSecret: key.isSecret))
                }))
    }

    private init(_ reader: ConfigReader, knownVariables: some Sequence<String>) throws(UsageError) {
        self.init()
        var problems: [String] = []
        func read(_ key: SettingKey, _ take: (String) throws -> Void) {
            guard let text = reader.string(forKey: ConfigKey([key.rawValue]), isSecret: key.isSecret) else { return }
            do {
                try take(text)
            } catch {
                problems.append("\(key.rawValue): \(error)")
            }
        }
        let variables = SettingKey.allCases.map(\.variable)
        let known = Set(variables)
        for name in knownVariables.sorted()
        where name.hasPrefix("MARTLET_") && !name.hasPrefix("MARTLET_TEST_") && !known.contains(name) {
            let shown = String(name.unicodeScalars.prefix(80))
            problems.append("\(shown): there is no such setting.\(Suggestion.hint(for: name, among: variables))")
        }
        read(.only) { parts = Set(try SettingValue.list($0).map(Self.part)) }
        read(.listen) { listen = try SettingValue.listener($0) }
        read(.port) { listen = .tcp(host: listen.host, port: try SettingValue.integer($0, 0...65_535)) }
        read(.dataDir) { dataDirectory = try SettingValue.path($0) }
        accounts.keyDirectory = dataDirectory + "/keys"
        read(.consoleDir) { consoleDirectory = try SettingValue.path($0) }
        read(.databaseURL) {
            _ = try Database.Location(url: $0, schema: "public")
            databaseURL = $0
        }
        read(.databaseConnections) { databaseConnections = try SettingValue.integer($0, 1...500) }
        read(.services) { text in
            for (name, url) in try SettingValue.list(text).map({
                try SettingValue.pair($0, "catalog=http://127.0.0.1:8002")
            }) {
                let part = try Self.part(name)
                guard part != .gateway else {
                    throw SettingMistake("the gateway is not a service; name accounts or catalog")
                }
                remotes[part] = try Endpoint(url)
            }
        }
        read(.registryURL) { registry = try EtcdRegistry(url: $0) }
        var tls = RegistryTLS()
        read(.registryCA) { tls.authorities = try SettingValue.path($0) }
        read(.registryCertificate) { tls.certificate = try SettingValue.path($0) }
        read(.registryKey) { tls.key = try SettingValue.path($0) }
        if tls != RegistryTLS() { registry?.tls = tls }
        registryTLS = tls
        if (tls.certificate == nil) != (tls.key == nil) {
            problems.append("registry_key: needs registry_certificate, and the other way round")
        }
        read(.register) { text in
            guard let value = Bool(text) else { throw SettingMistake("'\(text)' is neither true nor false") }
            isRegistered = value
        }
        read(.advertiseAddress) { text in
            advertised = try Endpoint(text)
            guard case .tcp(_, 1...) = advertised else { throw SettingMistake("must be host:port") }
        }
        read(.routes) { text in
            for (path, url) in try SettingValue.list(text).map({
                try SettingValue.pair($0, "/reports=http://127.0.0.1:9000")
            }) {
                guard path.hasPrefix("/") else { throw SettingMistake("'\(path)' must begin with /, such as /\(path)") }
                routes.append((path, try Endpoint(url)))
            }
        }
        read(.gatewayFile) { gatewayFile = try SettingValue.path($0) }
        read(.adminListen) { text in
            adminListen =
                try Int(text) == nil
                ? Endpoint(text) : .tcp(host: "127.0.0.1", port: SettingValue.integer(text, 0...65_535))
            guard case .tcp = adminListen else { throw SettingMistake("must be host:port") }
        }
        read(.trustedProxies) { text in
            trustedProxies = try SettingValue.list(text).map { text in
                guard let range = AddressRange(text) else {
                    throw SettingMistake("'\(text)' is not an address or a CIDR; write 10.0.0.5 or 10.0.0.0/8")
                }
                return range
            }
        }
        read(.adminEmail) { accounts.administratorEmail = try SettingValue.nonEmpty($0) }
        read(.adminPassword) { accounts.administratorPassword = try SettingValue.nonEmpty($0) }
        read(.registration) { text in
            guard text == "open" || text == "closed" else {
                throw SettingMistake("'\(text)' is neither open nor closed")
            }
            accounts.isRegistrationOpen = text == "open"
        }
        read(.accessTokenLifetime) {
            accounts.accessTokenLifetime = Int64(try SettingValue.integer($0, 30...86_400, "seconds"))
        }
        read(.refreshTokenLifetime) {
            accounts.refreshTokenLifetime = Int64(try SettingValue.integer($0, 300...31_536_000, "seconds"))
        }
        read(.otlpEndpoint) { text in
            guard text.hasPrefix("http://") || text.hasPrefix("https://"), text.count > 8 else {
                throw SettingMistake("must be an http:// or https:// URL, such as http://127.0.0.1:4318")
            }
            otlpEndpoint = text
        }
        read(.traceSample) { text in
            guard let part = Double(text), (0...1).contains(part) else {
                throw SettingMistake("'\(text)' is not a number from 0 to 1; 0.1 traces a tenth")
            }
            traceSample = part
        }
        read(.logLevel) { text in
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                let levels = Logger.Level.allCases.map(\.rawValue)
                throw SettingMistake(
                    "'\(text)' is not a level; these are: \(levels.joined(separator: ", "))."
                        + Suggestion.hint(for: text, among: levels))
            }
            logLevel = level
        }
        if problems.isEmpty { problems = contradictions }
        if problems.isEmpty, parts.contains(.accounts) {
            do { try accounts.validate() } catch { problems.append("\(error)") }
        }
        guard problems.isEmpty else { throw UsageError(problems) }
    }

    /// Where the registry knows a service that runs elsewhere; nil for what runs here or has been named.
    func source(of part: Part) -> DiscoverySource? {
        guard let registry, part != .gateway, !parts.contains(part), remotes[part] == nil else { return nil }
        return .etcd(EtcdSource(registry, prefix: EtcdSource.prefix(of: part.rawValue)))
    }

    /// What is right by itself and wrong together.
    private var contradictions: [String] {
        var problems: [String] = []
        for part in parts where remotes[part] != nil {
            let others = Part.allCases.filter { parts.contains($0) && remotes[$0] == nil }.map(\.rawValue)
            problems.append(
                "services: \(part) runs in this process, and services says that it runs elsewhere. Take it out of services"
                    + (others.isEmpty ? "." : ", or say what runs here: only: \(others.joined(separator: ","))"))
        }
        let services = parts.subtracting([.gateway])
        if parts.contains(.gateway) {
            if services.isEmpty, remotes.isEmpty, routes.isEmpty, gatewayFile == nil, registry == nil {
                problems.append(
                    "services: a gateway alone needs to know where the services are, such as "
                        + "accounts=http://127.0.0.1:8001,catalog=http://127.0.0.1:8002")
            }
            if case .unix = listen { problems.append("listen: the gateway listens on host:port") }
        }
        if !parts.contains(.gateway) {
            // Who has said it counts on it: a policy in the file, or an administration that can be reached.
            if gatewayFile != nil { problems.append("gateway_file: there is no gateway here; add gateway to only") }
            if adminListen != nil { problems.append("admin_listen: there is no gateway here; add gateway to only") }
        }
        if registry == nil {
            if registryTLS.authorities != nil { problems.append("registry_ca: needs registry_url") }
            if registryTLS.certificate != nil { problems.append("registry_certificate: needs registry_url") }
        }
        if let databaseURL, databaseURL.hasPrefix("sqlite:~") || databaseURL.hasPrefix("sqlite://~") {
            problems.append("database_url: '~' is not expanded within a URL; write the whole path")
        }
        if isRegistered { problems += registrationContradictions(services) }
        if !services.isEmpty, !services.contains(.accounts), remotes[.accounts] == nil, registry == nil {
            let names = services.map(\.rawValue).sorted().joined(separator: ", ")
            problems.append(
                "services: \(names) needs to know where accounts is, such as accounts=http://127.0.0.1:8001")
        }
        return problems
    }

    private func registrationContradictions(_ services: Set<Part>) -> [String] {
        var problems: [String] = []
        if registry == nil { problems.append("register: needs registry_url") }
        if services.isEmpty { problems.append("register: there is no service here to register") }
        if parts.contains(.gateway), !services.isEmpty {
            problems.append("register: services beside a gateway have no address that others reach; run them apart")
        }
        if advertised == nil {
            switch listen {
            case .tcp("0.0.0.0", _), .tcp("::", _), .unix:
                problems.append("advertise_address: must be said, as others do not reach '\(listen)'")
            case .tcp: break
            }
        }
        return problems
    }

    private static func part(_ name: String) throws -> Part {
        guard let part = Part(rawValue: name) else {
            let parts = Part.allCases.map(\.rawValue)
            throw SettingMistake(
                "'\(name)' is none of \(parts.joined(separator: ", ")).\(Suggestion.hint(for: name, among: parts))")
        }
        return part
    }
}
