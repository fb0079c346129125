import Logging
import MartletCore
import MartletTelemetry
import NIOCore
import Yams

/// The gateway's YAML file, described in `docs/guides/gateway.md`.
package enum GatewayFile {
    /// Reads a file and adds its content to a configuration, if the result is valid.
    /// - Parameters:
    ///   - text: YAML 1.2, or JSON.
    ///   - name: the file's name in errors.
    ///   - folder: the folder that relative paths start from; nil means the working directory.
    /// - Throws: ``GatewayFileError`` with every error in the file.
    package static func read(
        _ text: String, name: String, folder: String? = nil, into configuration: inout GatewayConfiguration
    ) throws(GatewayFileError) {
        let errors = ConfigErrors(folder: folder)
        var result = configuration
        let logger = Logger(label: "gateway")
        let resources = PolicyResources(logger: logger)
        let places = try parse(text, name: name, into: &result, errors)
        places.check(result, over: configuration, resources)
        try errors.throwIfAny(in: name)
        do {
            // Finds errors that no single place in the file causes.
            _ = try GatewaySettings(result, metrics: MetricsRegistry(), logger: logger, resources: resources)
        } catch {
            throw GatewayFileError(["\(name): \(error)"])
        }
        configuration = result
    }

    /// Parses a file by itself. Whether its content is valid together with the rest of the configuration and with the
    /// files it names is checked later.
    /// - Returns: the nodes of the upstreams and routes.
    /// - Throws: ``GatewayFileError`` for a text that is not YAML; other errors are collected.
    static func parse(
        _ text: String, name: String, into configuration: inout GatewayConfiguration, _ errors: ConfigErrors
    ) throws(GatewayFileError) -> GatewayFilePlaces {
        let root: Yams.Node?
        do throws(YAMLText.ReadError) {
            root = try YAMLText.compose(text)
        } catch {
            throw GatewayFileError(["\(name)\(error.line > 0 ? ":\(error.line)" : ""): \(error.text)"])
        }
        guard let root else { throw GatewayFileError(["\(name): is empty"]) }
        let node = ConfigNode(node: root, path: "", errors: errors)
        var places = GatewayFilePlaces()
        guard
            let file = node.mapping([
                "upstreams", "routes", "platform", "trusted_proxies", "limits", "overload", "redis", "tls",
                "access_log",
            ])
        else { return places }
        if let node = file["platform"] { places.platform = readPlatform(node, into: &configuration.routes) }
        let upstreams = file["upstreams"]?.mapping(such: "{shop: {endpoints: [\"http://127.0.0.1:8001\"]}}")
        for (name, node) in upstreams?.members ?? [] {
            let before = errors.lines.count
            guard let upstream = GatewayConfiguration.Upstream(name: name, node) else { continue }
            configuration.upstreams.append(upstream)
            places.upstreams.append((node, upstream, isRight: errors.lines.count == before))
        }
        // Includes invalid upstreams, which are already reported.
        places.upstreamNames = Set(configuration.upstreams.map(\.name))
            .union(upstreams?.members.map(\.0) ?? []).union(upstreams?.empty ?? [])
        for node in file["routes"]?.list(such: "[{prefix: /shop, upstream: shop}]") ?? [] {
            let before = errors.lines.count
            guard let route = GatewayConfiguration.RouteRule(node, upstreams: places.upstreamNames) else { continue }
            configuration.routes.append(route)
            places.routes.append((node, route, isRight: errors.lines.count == before))
        }
        if let proxies = file["trusted_proxies"] { configuration.trustedProxies += proxies.addresses() }
        if let limits = file["limits"] { configuration.limits.read(limits) }
        if let log = file["access_log"]?.mapping(["sample"], such: "{sample: 0.1}") {
            configuration.accessLogSample = log.required("sample")?.fraction() ?? 0
        }
        if let overload = file["overload"] { configuration.overload = GatewayConfiguration.Overload(overload) }
        if let redis = file["redis"] { configuration.redis = GatewayConfiguration.Redis(redis) }
        places.hasRedis = configuration.redis != nil || file["redis"] != nil
        if let tls = file["tls"] {
            configuration.tls = GatewayConfiguration.TLS(tls)
            places.tls = tls
        }
        return places
    }

    /// Reads the policies of the platform's own routes.
    private static func readPlatform(
        _ node: ConfigNode, into routes: inout [GatewayConfiguration.RouteRule]
    ) -> (node: ConfigNode, policies: GatewayConfiguration.Policies)? {
        let example = "{cors: {origins: [\"https://app.example.org\"]}}"
        guard let fields = node.mapping(GatewayConfiguration.Policies.platformKeys, such: example) else { return nil }
        var policies = GatewayConfiguration.Policies()
        policies.read(fields)
        // All these routes share one count: users of the platform do not know how many routes it has.
        policies.limitOwner = "(platform)"
        if policies.rateLimits.contains(where: { $0.key == .user }) {
            fields["rate_limit"]?.fail(
                "cannot count by user, as the platform's services authenticate users; use by: client")
        }
        for index in routes.indices { routes[index].policies = policies }
        return (node, policies)
    }
}

/// The errors in a file, one line each.
package struct GatewayFileError: Error, Sendable, CustomStringConvertible {
    package let lines: [String]

    init(_ lines: [String]) { self.lines = lines }

    package var description: String { lines.joined(separator: "\n") }
}

extension GatewayConfiguration.Limits {
    fileprivate mutating func read(_ node: ConfigNode) {
        let keys = ["target", "head", "headers", "request_body", "body_rate", "connections", "streams", "cache"]
        guard let limits = node.mapping(keys, such: "{request_body: 10MiB}") else { return }
        target = limits["target"]?.size(16) ?? target
        head = limits["head"]?.size(256) ?? head
        headers = limits["headers"]?.integer(1...1000) ?? headers
        requestBody = limits["request_body"]?.size() ?? requestBody
        bodyRate = limits["body_rate"]?.integer(0...1_000_000) ?? bodyRate
        connections = limits["connections"]?.integer(1...1_000_000) ?? connections
        cache = limits["cache"]?.size() ?? cache
        streams = limits["streams"]?.integer(0...10_000) ?? streams
    }
}

extension GatewayConfiguration.TLS {
    fileprivate init?(_ node: ConfigNode) {
        let example = "{certificates: [{certificate: a.pem, key: a.key}]}"
        guard let tls = node.mapping(["certificates", "only_version_1_3", "older_clients", "redirect"], such: example)
        else {
            return nil
        }
        let certificates = tls.required("certificates")
        let read = certificates?.list(such: "[{certificate: a.pem, key: a.key}]").compactMap { node -> Certificate? in
            guard let fields = node.mapping(["certificate", "key", "names"], such: "{certificate: a.pem, key: a.key}")
            else { return nil }
            // Reads both before either ends this, so that both errors are reported.
            let (chain, key) = (fields.required("certificate")?.file(), fields.required("key")?.file())
            let names = fields["names"]?.texts(such: "[api.example.org]") ?? []
            guard let chain, let key else { return nil }
            return Certificate(chainPath: chain, keyPath: key, names: names)
        }
        self.init(certificates: read ?? [])
        if case .sequence(let list) = certificates?.node, list.isEmpty { certificates?.fail("needs a certificate") }
        onlyVersion13 = tls["only_version_1_3"]?.bool() ?? false
        allowsOlderClients = tls["older_clients"]?.bool() ?? false
        redirect = tls["redirect"].flatMap { GatewayConfiguration.HTTPSRedirect($0) }
        if certificates == nil { return nil }
    }
}

extension GatewayConfiguration.HTTPSRedirect {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["listen", "port", "status"], such: "{listen: \"0.0.0.0:80\", port: 443}")
        else { return nil }
        let listen = fields.required("listen")
        let (text, port) = (listen?.text(), fields["port"]?.integer(1...65_535))
        let status = fields["status"]?.integer(301...308)
        if let status, ![301, 302, 307, 308].contains(status) {
            fields["status"]?.fail("must be 301, 302, 307 or 308")
        }
        guard let listen, let text else { return nil }
        guard !text.utf8.starts(with: "unix:".utf8), case .tcp(let host, let number)? = try? Endpoint(text) else {
            listen.fail("must be host:port, such as 0.0.0.0:80")
            return nil
        }
        self.init(host: host, port: number)
        securePort = port
        self.status = status ?? self.status
    }
}

extension GatewayConfiguration.Upstream {
    fileprivate init?(name: String, _ node: ConfigNode) {
        let keys = [
            "endpoints", "discovery", "balance", "health", "breaker", "maximum_connections", "maximum_waiting",
            "concurrency", "tls", "host", "request_body", "keep_alive",
        ]
        guard let upstream = node.mapping(keys, such: "{endpoints: [\"http://127.0.0.1:8001\"]}") else { return nil }
        let place = upstream.one(of: ["endpoints", "discovery"])
        // Continues after an error so that the others are reported too.
        let (kind, endpoints) = place ?? ("", upstream["endpoints"] ?? node)
        var weighted: [(Endpoint, Int)] = []
        var secured = 0
        func read(_ node: ConfigNode, weight: Int) {
            guard let (endpoint, isSecure) = node.upstreamEndpoint() else { return }
            weighted.append((endpoint, weight))
            if isSecure { secured += 1 }
        }
        let urls = "[\"http://127.0.0.1:8001\"]"
        for endpoint in kind == "endpoints" ? endpoints.list(such: urls) : [] {
            if endpoint.isScalar {
                read(endpoint, weight: 1)
            } else if let fields = endpoint.mapping(["url", "weight"]), let url = fields.required("url") {
                read(url, weight: fields["weight"]?.integer(1...1000) ?? 1)
            }
        }
        if kind == "endpoints", weighted.isEmpty { endpoints.fail("needs at least one endpoint") }
        self.init(name: name, endpoints: weighted.map(\.0))
        if kind == "discovery" { discovery = GatewayConfiguration.Discovery(endpoints) }
        weights = weighted.map(\.1)
        if let node = upstream["tls"] { tls = GatewayConfiguration.UpstreamTLS(node) }
        if kind == "endpoints", tls != nil || secured > 0 {
            if secured < weighted.count { endpoints.fail("must be all https, or all http and without tls") }
            tls = tls ?? GatewayConfiguration.UpstreamTLS()
        }
        if let node = upstream["balance"] { balance = GatewayConfiguration.Balance(node) ?? balance }
        if let node = upstream["health"] { health = GatewayConfiguration.HealthCheck(node) }
        if let node = upstream["breaker"] { breaker = GatewayConfiguration.Breaker(node) }
        maximumConnections = upstream["maximum_connections"]?.integer(1...100_000) ?? maximumConnections
        if let node = upstream["concurrency"] { concurrency = GatewayConfiguration.Concurrency(node) }
        maximumWaiting = upstream["maximum_waiting"]?.integer(0...1_000_000) ?? maximumWaiting
        readConnections(upstream)
        if place == nil { return nil }
    }
}

extension GatewayConfiguration.UpstreamTLS {
    fileprivate init?(_ node: ConfigNode) {
        guard let tls = node.mapping(["ca", "certificate", "key", "server_name"]) else { return nil }
        self.init()
        authorityPath = tls["ca"]?.file()
        serverName = tls["server_name"]?.text()
        switch (tls["certificate"]?.file(), tls["key"]?.file()) {
        case (let chain?, let key?): certificate = .init(chainPath: chain, keyPath: key)
        case (nil, nil): break
        default: node.fail("needs both certificate and key, or neither")
        }
    }
}

extension GatewayConfiguration.Balance {
    fileprivate init?(_ node: ConfigNode) {
        guard !node.isScalar else {
            switch node.text() {
            case "round_robin": self = .roundRobin
            case "least_connections": self = .leastConnections
            case "peak_ewma": self = .peakEWMA
            case let text:
                let names = ["round_robin", "least_connections", "peak_ewma"]
                let hint = text.flatMap { Suggestion.closest(to: $0, among: names) }
                node.fail(
                    "must be round_robin, least_connections, peak_ewma or {consistent_hash: client}"
                        + (hint.map { "; did you mean \($0)?" } ?? ""))
                return nil
            }
            return
        }
        guard let hash = node.mapping(["consistent_hash"])?.required("consistent_hash") else { return nil }
        if hash.isScalar {
            guard hash.text() == "client" else {
                hash.fail("must be client, {header: NAME} or {cookie: NAME}")
                return nil
            }
            self = .consistentHash(.client)
        } else {
            guard let (name, value) = hash.mapping(["header", "cookie"])?.one(of: ["header", "cookie"]),
                let text = value.text()
            else { return nil }
            self = .consistentHash(name == "header" ? .header(text) : .cookie(text))
        }
    }
}

extension GatewayConfiguration.Breaker {
    fileprivate init?(_ node: ConfigNode) {
        let keys = ["failures", "open_for", "maximum_open_for", "maximum_ejected"]
        guard let breaker = node.mapping(keys, such: "{failures: 5, open_for: 5s}") else { return nil }
        self.init()
        failures = breaker["failures"]?.integer(1...1000) ?? failures
        openFor = breaker["open_for"]?.duration() ?? openFor
        maximumOpenFor = breaker["maximum_open_for"]?.duration() ?? maximumOpenFor
        maximumEjected = breaker["maximum_ejected"]?.integer(0...100) ?? maximumEjected
    }
}
