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
    var consoleDirectory = "Web/dist"
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
    /// - Throws: ``UsageError`` that names every setting that is wrong.
    init(_ options: SettingsOptions, environment: [String: String]) throws(UsageError) {
        let file = try options.file.map { path throws(UsageError) in try ConfigurationFile.read(path) } ?? [:]
        let environment = environment.filter { !Self.isServiceLink($0.key, $0.value) }
        let reader = ConfigReader(providers: [
            Self.provider("flags", options.values),
            EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "martlet"),
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
        let known = Set(SettingKey.allCases.map { "MARTLET_" + $0.rawValue.uppercased() })
        for name in knownVariables.sorted()
        where name.hasPrefix("MARTLET_") && !name.hasPrefix("MARTLET_TEST_") && !known.contains(name) {
            problems.append("\(name): there is no such setting")
        }
        read(.only) { parts = Set(try list($0).map(Self.part)) }
        read(.listen) { listen = try Endpoint($0) }
        read(.port) { listen = .tcp(host: listen.host, port: try integer($0, 0...65_535)) }
        read(.dataDir) { dataDirectory = try nonEmpty($0) }
        accounts.keyDirectory = dataDirectory + "/keys"
        read(.consoleDir) { consoleDirectory = try nonEmpty($0) }
        read(.databaseURL) {
            _ = try Database.Location(url: $0, schema: "public")
            databaseURL = $0
        }
        read(.databaseConnections) { databaseConnections = try integer($0, 1...500) }
        read(.services) { text in
            for (name, url) in try list(text).map(pair) {
                let part = try Self.part(name)
                guard part != .gateway else { throw Mistake("the gateway is not a service") }
                remotes[part] = try Endpoint(url)
            }
        }
        read(.registryURL) { registry = try EtcdRegistry(url: $0) }
        var tls = RegistryTLS()
        read(.registryCA) { tls.authorities = try nonEmpty($0) }
        read(.registryCertificate) { tls.certificate = try nonEmpty($0) }
        read(.registryKey) { tls.key = try nonEmpty($0) }
        if tls != RegistryTLS() { registry?.tls = tls }
        registryTLS = tls
        if (tls.certificate == nil) != (tls.key == nil) {
            problems.append("registry_key: needs registry_certificate, and the other way round")
        }
        read(.register) { text in
            guard let value = Bool(text) else { throw Mistake("'\(text)' is neither true nor false") }
            isRegistered = value
        }
        read(.advertiseAddress) { text in
            advertised = try Endpoint(text)
            guard case .tcp(_, 1...) = advertised else { throw Mistake("must be host:port") }
        }
        read(.routes) { text in
            for (path, url) in try list(text).map(pair) {
                guard path.hasPrefix("/") else { throw Mistake("'\(path)' must begin with /") }
                routes.append((path, try Endpoint(url)))
            }
        }
        read(.gatewayFile) { gatewayFile = try nonEmpty($0) }
        read(.adminListen) { text in
            adminListen =
                try Int(text) == nil ? Endpoint(text) : .tcp(host: "127.0.0.1", port: integer(text, 0...65_535))
            guard case .tcp = adminListen else { throw Mistake("must be host:port") }
        }
        read(.trustedProxies) { text in
            trustedProxies = try list(text).map { text in
                guard let range = AddressRange(text) else { throw Mistake("'\(text)' is not an address or a CIDR") }
                return range
            }
        }
        read(.adminEmail) { accounts.administratorEmail = try nonEmpty($0) }
        read(.adminPassword) { accounts.administratorPassword = try nonEmpty($0) }
        read(.registration) { text in
            guard text == "open" || text == "closed" else { throw Mistake("'\(text)' is neither open nor closed") }
            accounts.isRegistrationOpen = text == "open"
        }
        read(.accessTokenLifetime) { accounts.accessTokenLifetime = Int64(try integer($0, 30...86_400)) }
        read(.refreshTokenLifetime) { accounts.refreshTokenLifetime = Int64(try integer($0, 300...31_536_000)) }
        read(.otlpEndpoint) { text in
            guard text.hasPrefix("http://") || text.hasPrefix("https://"), text.count > 8 else {
                throw Mistake("must be an http:// or https:// URL")
            }
            otlpEndpoint = text
        }
        read(.traceSample) { text in
            guard let part = Double(text), (0...1).contains(part) else { throw Mistake("must be a number from 0 to 1") }
            traceSample = part
        }
        read(.logLevel) { text in
            guard let level = Logger.Level(rawValue: text) else { throw Mistake("'\(text)' is not a level") }
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
            problems.append("services: \(part) cannot run here and elsewhere")
        }
        let services = parts.subtracting([.gateway])
        if parts.contains(.gateway) {
            if services.isEmpty, remotes.isEmpty, routes.isEmpty, gatewayFile == nil, registry == nil {
                problems.append("services: a gateway alone needs to know where the services are")
            }
            if case .unix = listen { problems.append("listen: the gateway listens on host:port") }
        }
        if !parts.contains(.gateway) {
            // Who has said it counts on it: a policy in the file, or an administration that can be reached.
            if gatewayFile != nil { problems.append("gateway_file: there is no gateway here") }
            if adminListen != nil { problems.append("admin_listen: there is no gateway here") }
        }
        if registry == nil {
            if registryTLS.authorities != nil { problems.append("registry_ca: needs registry_url") }
            if registryTLS.certificate != nil { problems.append("registry_certificate: needs registry_url") }
        }
        if isRegistered { problems += registrationContradictions(services) }
        if !services.isEmpty, !services.contains(.accounts), remotes[.accounts] == nil, registry == nil {
            problems.append("services: \(services.map(\.rawValue).sorted().joined(separator: ", ")) needs accounts=URL")
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
            throw Mistake("'\(name)' is none of \(Part.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return part
    }
}

/// What is wrong with one value; the key is put before it.
private struct Mistake: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private func nonEmpty(_ text: String) throws -> String {
    guard !text.isEmpty else { throw Mistake("must not be empty") }
    return text
}

private func integer(_ text: String, _ range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(text), range.contains(value) else {
        throw Mistake("'\(text)' is not an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
}

private func list(_ text: String) throws -> [String] {
    let parts = text.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace).trimmed }
    guard !parts.isEmpty else { throw Mistake("must not be empty") }
    return parts
}

private func pair(_ text: String) throws -> (String, String) {
    guard let equals = text.firstIndex(of: "=") else { throw Mistake("'\(text.withoutUserinfo)' must be name=URL") }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
}

extension Substring {
    fileprivate var trimmed: String {
        String(self.reversed().drop(while: \.isWhitespace).reversed())
    }
}

extension Endpoint {
    var host: String {
        if case .tcp(let host, _) = self { host } else { "127.0.0.1" }
    }
}
