import GRPCTranscoding
import MartletCore
import MartletTokens
import NIOCore

extension GatewayConfiguration.RouteRule {
    private static let keys = [
        "name", "path", "prefix", "hosts", "methods", "headers", "upstream", "split", "grpc", "redirect", "respond",
        "files", "aggregate",
        "rewrite", "encoded_slashes", "body_limit", "timeouts", "retry", "concurrency", "shed", "upgrade", "addresses",
        "cors",
        "authentication", "permission",
        "rate_limit",
        "request_headers", "response_headers", "security_headers", "compression", "cache",
    ]

    /// - Parameter upstreams: the names of all upstreams.
    init?(_ node: ConfigNode, upstreams: Set<String>) {
        guard let route = node.mapping(Self.keys, such: "{prefix: /shop, upstream: shop}") else { return nil }
        // Reads both before either ends this, so that all errors are reported.
        let action = GatewayConfiguration.RouteRule.Action(route, upstreams)
        let match = Self.match(route)
        self.init(match ?? .exact("/"), action: action ?? .respond(.init()))
        if let node = route["aggregate"], let match { GatewayConfiguration.Aggregate.checkPaths(node, of: match) }
        name = route["name"]?.text()
        hosts = route["hosts"]?.list(such: "[api.example.org]").compactMap { $0.hostName() } ?? []
        methods = route["methods"]?.texts(such: "[GET]") ?? []
        if methods.contains(where: {
            $0.isEmpty || !$0.utf8.allSatisfy(ASCIISet.token.contains) || $0 != $0.uppercased()
        }) {
            route["methods"]?.fail("must be upper-case methods, such as GET")
        }
        headers = route["headers"]?.dictionary() ?? [:]
        keepsEncodedSlashes = route["encoded_slashes"]?.choice(EncodedSlashes.self) == .keep
        if keepsEncodedSlashes, route["upstream"] == nil, route["split"] == nil {
            route["encoded_slashes"]?.fail("needs upstream or split")
        }
        if let fields = route["rewrite"]?.mapping(
            ["strip_prefix", "add_prefix", "redirects"], such: "{strip_prefix: /v2}")
        {
            rewrite.stripPrefix = fields["strip_prefix"]?.text()
            rewrite.addPrefix = fields["add_prefix"]?.text()
            rewrite.mapsAnswers = fields["redirects"]?.bool() ?? false
            if rewrite.mapsAnswers, rewrite.stripPrefix == nil, rewrite.addPrefix == nil,
                fields.empty.isDisjoint(with: ["strip_prefix", "add_prefix"])
            {
                fields["redirects"]?.fail("needs strip_prefix or add_prefix")
            }
            for node in [fields["strip_prefix"], fields["add_prefix"]] {
                guard let node, node.isScalar, let path = node.text() else { continue }
                node.verify { () throws(GatewayError) in _ = try RouteKey.normalForm(path) }
            }
        }
        maximumRequestBody = route["body_limit"]?.size()
        upgrades = route["upgrade"]?.texts(such: "[websocket]") ?? []
        let timeoutKeys = ["connect", "first_byte", "idle", "total", "tunnel"]
        if let fields = route["timeouts"]?.mapping(timeoutKeys, such: "{total: 5s}") {
            timeouts.connect = fields["connect"]?.duration()
            timeouts.firstByte = fields["first_byte"]?.duration()
            timeouts.idle = fields["idle"]?.duration()
            timeouts.total = fields["total"]?.duration()
            timeouts.tunnel = fields["tunnel"]?.duration()
            if let node = fields["tunnel"], upgrades.isEmpty {
                node.fail("applies only to routes with upgrade, such as upgrade: [websocket]")
            }
        }
        let retryKeys = ["attempts", "statuses", "backoff", "body_limit"]
        let attempts = route["retry"]?.asInteger ?? 2
        if let fields = route["retry"]?.mapping(retryKeys, such: "{attempts: \(attempts)}") {
            var retries = GatewayConfiguration.Retries()
            retries.attempts = fields["attempts"]?.integer(0...10) ?? retries.attempts
            if let statuses = fields["statuses"] {
                retries.statuses = Set(statuses.list(such: "[502, 503]").compactMap { $0.integer(500...599) })
            }
            retries.backoff = fields["backoff"]?.duration() ?? retries.backoff
            if let node = fields["body_limit"], let size = node.size() {
                if size > 1 << 20 { node.fail("must be at most 1MiB") }
                retries.maximumBody = size
            }
            self.retries = retries
        }
        if let node = route["concurrency"] { concurrency = GatewayConfiguration.Concurrency(node) }
        isSheddable = route["shed"]?.bool() ?? true
        if let node = route["cache"] {
            cache = .init(node)
            if route["upstream"] == nil, route["split"] == nil { node.fail("needs upstream or split") }
        }
        policies.read(route)
        if policies.authentication?.webSocket != nil, !upgrades.contains(where: { $0.lowercased() == "websocket" }) {
            route["authentication"]?.member("websocket")?.fail("needs upgrade: [websocket] on the route")
        }
        if match == nil || action == nil { return nil }
    }

    private enum EncodedSlashes: String, CaseIterable { case refuse, keep }

    private static func match(_ route: ConfigMapping) -> GatewayConfiguration.RouteRule.Match? {
        guard let (kind, node) = route.one(of: ["path", "prefix"]), let text = node.text() else { return nil }
        let match = kind == "prefix" ? Match.prefix(text) : text.contains("{") ? .template(text) : .exact(text)
        if let problem = RoutePathProblem.of(text, isPrefix: kind == "prefix") {
            node.fail(problem)
        } else {
            node.verify { () throws(GatewayError) in _ = try RouteKey(match) }
        }
        return match
    }
}

extension GatewayConfiguration.RouteRule.Action {
    fileprivate init?(_ route: ConfigMapping, _ upstreams: Set<String>) {
        func upstream(_ node: ConfigNode) -> String? {
            guard let name = node.text() else { return nil }
            guard upstreams.contains(name) else {
                var hint = Suggestion.closest(to: name, among: upstreams.sorted()).map { "; did you mean \($0)?" }
                if name.contains("://") { hint = "; write the name of an upstream with this endpoint" }
                node.fail("there is no upstream '\(name.withoutUserinfo)'" + (hint ?? ""))
                return nil
            }
            return name
        }
        let kinds = ["upstream", "split", "grpc", "redirect", "respond", "files", "aggregate"]
        let there = kinds.filter { route[$0] != nil }
        if there.count != 1 { _ = route.one(of: kinds) }
        // Also reports errors in the superfluous ones.
        let read = there.map { kind in route[kind].flatMap { Self.read(kind, $0, upstream) } }
        guard read.count == 1, let action = read.first ?? nil else { return nil }
        self = action
    }

    /// - Parameter upstream: reads the name of an upstream.
    private static func read(
        _ kind: String, _ node: ConfigNode, _ upstream: (ConfigNode) -> String?
    ) -> GatewayConfiguration.RouteRule.Action? {
        switch kind {
        case "upstream":
            return upstream(node).map { .proxy([.init(upstream: $0)]) }
        case "split":
            let shares = node.list(such: "[{upstream: shop, weight: 9}, {upstream: shop-v2, weight: 1}]")
            let read = shares.compactMap { share -> GatewayConfiguration.Share? in
                guard let fields = share.mapping(["upstream", "weight"], such: "{upstream: shop, weight: 9}") else {
                    return nil
                }
                let name = fields.required("upstream").flatMap(upstream)
                let weight = fields.required("weight")?.integer(0...1_000_000)
                guard let name, let weight else { return nil }
                return .init(upstream: name, weight: weight)
            }
            if read.count == shares.count, read.allSatisfy({ $0.weight == 0 }) { node.fail("needs a weight above 0") }
            return .proxy(read)
        case "grpc":
            return GatewayConfiguration.GRPC(node, upstream).map { .grpc($0) }
        case "redirect":
            guard let fields = node.mapping(["to", "status"], such: "{to: \"https://example.org{path}{query}\"}") else {
                return nil
            }
            let place = fields.required("to")?.text()
            let status = fields["status"]?.integer(301...308) ?? 308
            if (304...306).contains(status) { fields["status"]?.fail("must be 301, 302, 303, 307 or 308") }
            guard let location = place else { return nil }
            if HeaderRules.line("Location", location) == nil { fields["to"]?.fail("must be a valid field value") }
            return .redirect(.init(location: location, status: status))
        case "aggregate":
            return GatewayConfiguration.Aggregate(node, upstream: upstream).map { .aggregate($0) }
        case "files":
            return GatewayConfiguration.Files(node).map { .files($0) }
        default:
            guard let fields = node.mapping(["status", "content_type", "body"], such: "{body: gone}") else {
                return nil
            }
            var response = GatewayConfiguration.FixedResponse()
            response.status = fields["status"]?.integer(200...599) ?? response.status
            if let node = fields["content_type"], let type = node.text() {
                if HeaderRules.line("Content-Type", type) == nil { node.fail("must be a valid field value") }
                response.contentType = type
            }
            response.body = fields["body"]?.text() ?? response.body
            return .respond(response)
        }
    }
}

extension GatewayConfiguration.Aggregate {
    /// - Parameter read: reads the name of an upstream.
    fileprivate init?(_ node: ConfigNode, upstream read: (ConfigNode) -> String?) {
        self.init()
        let example = "{parts: {user: {upstream: accounts, path: /api/users}}}"
        guard let members = node.mapping(["parts"], such: example)?.required("parts")?.mapping() else { return nil }
        for (name, node) in members.members {
            if name == AggregateResponse.missing { node.fail("is reserved for the reasons why parts are missing") }
            let keys = ["upstream", "path", "timeout", "required", "maximum_body"]
            guard let fields = node.mapping(keys, such: "{upstream: shop, path: /products}") else { continue }
            let (upstream, path) = (fields.required("upstream").flatMap(read), fields.required("path")?.text())
            var part = Part(name: name, upstream: upstream ?? "", path: path ?? "")
            part.timeout = fields["timeout"]?.duration(.milliseconds(1)...(.minutes(5))) ?? part.timeout
            part.isRequired = fields["required"]?.bool() ?? false
            part.maximumBody = fields["maximum_body"]?.size(1) ?? part.maximumBody
            if upstream != nil, path != nil { parts.append(part) }
        }
        if !(1...Self.maximumParts).contains(members.members.count) {
            node.fail("needs 1 to \(Self.maximumParts) parts")
        }
    }

    /// Reports part paths with parameters that the route does not have.
    fileprivate static func checkPaths(_ node: ConfigNode, of match: GatewayConfiguration.RouteRule.Match) {
        for part in node.member("parts")?.values ?? [] {
            guard let path = part.member("path"), path.isScalar, let text = path.text(),
                PartPath(text, of: match) == nil
            else { continue }
            path.fail("'\(text)' must be a path that uses only the route's parameters")
        }
    }
}

extension GatewayConfiguration.Files {
    fileprivate init?(_ node: ConfigNode) {
        let keys = ["root", "index", "fallback", "cache_control", "page_cache_control"]
        guard let fields = node.mapping(keys, such: "{root: /srv/app}") else { return nil }
        let root = fields.required("root")?.file()
        self.init(root: root ?? "")
        index = fields["index"]?.text() ?? index
        fallback = fields["fallback"]?.text()
        for key in ["cache_control", "page_cache_control"] {
            guard let field = fields[key], let value = field.text() else { continue }
            guard HeaderRules.line("Cache-Control", value) != nil else {
                field.fail("must be a valid field value")
                continue
            }
            if key == "cache_control" { cacheControl = value } else { pageCacheControl = value }
        }
        if root == nil { return nil }
    }
}

extension GatewayConfiguration.Cache {
    /// `true`, or a mapping of the settings that differ from the defaults.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        // A lone duration is likely meant for responses without freshness information.
        let example =
            node.isScalar && node.asDuration != nil ? "{default_age: \(node.asDuration ?? "")}" : "{maximum_age: 5m}"
        if let isOn = node.toggle(such: example) {
            guard isOn else { return nil }
            return
        }
        let keys = ["maximum_age", "default_age", "stale_if_error", "maximum_body", "key_headers", "wait"]
        guard let fields = node.mapping(keys) else { return nil }
        maximumAge = fields["maximum_age"]?.duration() ?? maximumAge
        defaultAge = fields["default_age"]?.duration() ?? defaultAge
        staleIfError = fields["stale_if_error"]?.duration() ?? staleIfError
        maximumBody = fields["maximum_body"]?.size() ?? maximumBody
        for name in fields["key_headers"]?.list() ?? [] {
            guard let text = name.text() else { continue }
            let isClients = Array(text.utf8).withUnsafeBytes { RequestField($0) == .passed }
            if text.isEmpty || !text.utf8.allSatisfy(ASCIISet.token.contains) || !isClients {
                name.fail("must be the name of a field that is forwarded unchanged")
            }
            keyHeaders.append(text)
        }
        wait = fields["wait"]?.duration() ?? wait
    }
}

extension GatewayConfiguration.GRPC {
    private enum UnknownFields: String, CaseIterable { case ignore, reject }

    fileprivate init?(_ node: ConfigNode, _ upstream: (ConfigNode) -> String?) {
        let keys = [
            "upstream", "descriptors", "services", "unknown_fields", "default_values", "proto_names", "maximum_message",
        ]
        let example = "{upstream: library, descriptors: library.pb, services: [library.v1.Library]}"
        guard let fields = node.mapping(keys, such: example) else { return nil }
        // Reads all before one ends this, so that all errors are reported.
        let name = fields.required("upstream").flatMap(upstream)
        let (descriptors, services) = (fields.required("descriptors"), fields.required("services"))
        let (path, names) = (descriptors?.file(), services?.texts(such: "[library.v1.Library]"))
        self.init(upstream: name ?? "", descriptors: path ?? "", services: names ?? [])
        rejectsUnknownFields = fields["unknown_fields"]?.choice(UnknownFields.self) == .reject
        writesDefaults = fields["default_values"]?.bool() ?? false
        keepsNames = fields["proto_names"]?.bool() ?? false
        maximumMessage = fields["maximum_message"]?.size(1) ?? maximumMessage
        guard name != nil, names != nil, let descriptors, let path else { return nil }
        guard descriptors.verifyFile(path) else { return }
        do throws(DescriptorError) { _ = try GRPCRoute.transcoder(self) } catch { descriptors.fail("\(error)") }
    }
}

extension GatewayConfiguration.Policies {
    /// The policies allowed on the platform's own routes, whose services authenticate users themselves.
    static let platformKeys = [
        "addresses", "cors", "rate_limit", "request_headers", "response_headers", "security_headers", "compression",
    ]

    mutating func read(_ route: ConfigMapping) {
        if let fields = route["addresses"]?.mapping(["allow", "deny"], such: "{allow: [10.0.0.0/8]}") {
            addresses = .init(allow: fields["allow"]?.addresses() ?? [], deny: fields["deny"]?.addresses() ?? [])
        }
        if let node = route["cors"] { cors = .init(node) }
        if let node = route["authentication"] { authentication = .init(node) }
        if let node = route["permission"] {
            permission = node.text()
            if route["authentication"] == nil, !route.empty.contains("authentication") {
                node.fail("needs authentication")
            }
        }
        let limit = "[{by: client, requests: 100, per: 1m}]"
        rateLimits = route["rate_limit"]?.list(such: limit).compactMap { .init($0) } ?? []
        if let node = route["request_headers"] { requestHeaders = .init(node) }
        if let node = route["response_headers"] { responseHeaders = .init(node) }
        if let node = route["security_headers"] { securityHeaders = .init(node) }
        if let node = route["compression"] { compression = .init(node) }
    }
}

extension GatewayConfiguration.CORS {
    fileprivate init?(_ node: ConfigNode) {
        let keys = ["origins", "methods", "headers", "expose", "credentials", "max_age"]
        guard let cors = node.mapping(keys, such: "{origins: [\"https://app.example.org\"]}") else { return nil }
        let origins = cors.required("origins")
        let known = node.errors.lines.count
        self.init(origins: origins?.origins(allowsAll: true) ?? [])
        let areOrigins = origins != nil && node.errors.lines.count == known
        methods = cors["methods"]?.texts() ?? methods
        headers = cors["headers"]?.texts() ?? headers
        exposed = cors["expose"]?.texts() ?? exposed
        allowsCredentials = cors["credentials"]?.bool() ?? allowsCredentials
        if let age = cors["max_age"]?.duration() { maximumAge = Int(age.nanoseconds / 1_000_000_000) }
        guard areOrigins else { return nil }
        let read = self
        node.verify { () throws(GatewayError) in _ = try CORSPolicy(read) }
    }
}

extension GatewayConfiguration.RateLimit {
    private enum Kind: String, CaseIterable { case client, user, route }

    fileprivate init?(_ node: ConfigNode) {
        let keys = ["by", "header", "requests", "per", "shared"]
        guard let limit = node.mapping(keys, such: "{by: client, requests: 100, per: 1m}") else { return nil }
        // Reads all before one ends this, so that all errors are reported.
        let most = limit.required("requests")?.integer(1...1_000_000_000)
        let time = limit.required("per")?.duration(.milliseconds(1)...(.hours(24 * 31)))
        let isShared = limit["shared"]?.bool() ?? false
        if limit["header"] != nil, limit["by"] != nil { node.fail("needs by or header, not both") }
        var key = Key.client
        if let node = limit["header"], let name = node.text() {
            if name.isEmpty || !name.utf8.allSatisfy(ASCIISet.token.contains) {
                node.fail("must be a field name")
            }
            key = .header(name)
        } else if let by = limit["by"] {
            switch by.choice(Kind.self) {
            case .client: key = .client
            case .user: key = .user
            case .route: key = .route
            case nil: return nil
            }
        }
        guard let requests = most, let period = time else { return nil }
        if period.nanoseconds < Int64(requests) { node.fail("allows more than one request per nanosecond") }
        self.init(by: key, requests: requests, per: period)
        self.isShared = isShared
    }
}

extension GatewayConfiguration.HeaderEdit {
    fileprivate init(_ node: ConfigNode) {
        self.init()
        guard let edit = node.mapping(["set", "add", "remove"], such: "{set: {X-Env: test}, remove: [Server]}") else {
            return
        }
        set = Self.fields(edit["set"])
        add = Self.fields(edit["add"])
        for node in edit["remove"]?.list() ?? [] {
            guard let name = node.text() else { continue }
            if !HeaderRules.isEditable(name) { node.fail("'\(name)' cannot be removed") }
            remove.append(name)
        }
    }

    private static func fields(_ node: ConfigNode?) -> [String: String] {
        var fields: [String: String] = [:]
        for (name, node) in node?.mapping()?.members ?? [] {
            guard let value = node.text() else { continue }
            if !HeaderRules.isEditable(name) {
                node.fail("'\(name)' cannot be set")
            } else if HeaderRules.line(name, value) == nil {
                node.fail("must be a valid field value")
            }
            fields[name] = value
        }
        return fields
    }
}

extension GatewayConfiguration.SecurityHeaders {
    /// `true`, or a mapping of the fields that differ from the defaults.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        if let isOn = node.toggle(such: "{frame_options: SAMEORIGIN}") {
            guard isOn else { return nil }
            return
        }
        let keys = ["frame_options", "referrer_policy", "content_security_policy", "strict_transport_security"]
        guard let fields = node.mapping(keys) else { return nil }
        frameOptions = fields["frame_options"]?.text() ?? frameOptions
        referrerPolicy = fields["referrer_policy"]?.text() ?? referrerPolicy
        contentSecurityPolicy = fields["content_security_policy"]?.text()
        if let age = fields["strict_transport_security"]?.duration() {
            strictTransportSecurity = Int(age.nanoseconds / 1_000_000_000)
        }
        let read = self
        node.verify { () throws(GatewayError) in _ = try HeaderRules(read) }
    }
}

extension GatewayConfiguration.Compression {
    /// `true`, or a mapping of the settings that differ from the defaults.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        if let isOn = node.toggle(such: "{minimum: 2KiB}") {
            guard isOn else { return nil }
            return
        }
        guard let fields = node.mapping(["types", "minimum", "level"]) else { return nil }
        minimum = fields["minimum"]?.size() ?? minimum
        level = fields["level"]?.integer(1...9) ?? level
        for type in fields["types"]?.list() ?? [] where type.text()?.isMediaTypePattern == false {
            type.fail("must be a media type such as application/json, text/* or *+json")
        }
        types = fields["types"]?.texts() ?? types
    }
}

extension String {
    /// `type/subtype`, `type/*` or `*+suffix`.
    fileprivate var isMediaTypePattern: Bool {
        func isToken(_ part: Substring) -> Bool { !part.isEmpty && part.utf8.allSatisfy(ASCIISet.token.contains) }
        if hasPrefix("*+") { return isToken(dropFirst(2)) }
        let parts = split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && isToken(parts[0]) && parts[0] != "*" && isToken(parts[1])
    }
}

extension GatewayConfiguration.Authentication {
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        let example =
            "{jwt: {issuer: martlet, audience: martlet, jwks: \"http://127.0.0.1:8080/.well-known/jwks.json\"}}"
        guard let fields = node.mapping(["jwt", "api_keys", "websocket", "optional"], such: example) else { return nil }
        isOptional = fields["optional"]?.bool() ?? false
        if let jwt = fields["jwt"] { tokens = TokenIssuer(jwt) }
        if let keys = fields["api_keys"] { apiKeys = .init(keys) }
        if let node = fields["websocket"] {
            webSocket = .init(node)
            if fields["jwt"] == nil { node.fail("needs jwt") }
        }
        if tokens == nil, apiKeys == nil {
            // Errors in one that is present are already reported.
            if fields["jwt"] == nil, fields["api_keys"] == nil { node.fail("needs jwt, api_keys or both") }
            return nil
        }
    }
}

extension GatewayConfiguration.WebSocket {
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        guard let fields = node.mapping(["protocol", "cookie", "origins"], such: "{protocol: bearer}") else {
            return nil
        }
        func token(_ key: String) -> String? {
            guard let node = fields[key], let text = node.text() else { return nil }
            guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(ASCIISet.token.contains) else {
                node.fail("must be a name of letters, digits and - . _")
                return nil
            }
            return text
        }
        protocolName = token("protocol")
        cookie = token("cookie")
        origins = fields["origins"]?.origins(allowsAll: false) ?? []
        if fields["protocol"] == nil, fields["cookie"] == nil { node.fail("needs protocol, cookie or both") }
        if cookie != nil, origins.isEmpty, fields["origins"] == nil {
            node.fail("needs origins for cookie: the pages that may use it, such as [\"https://app.example.org\"]")
        }
    }
}

extension TokenIssuer {
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        guard let fields = node.mapping(["issuer", "audience", "keys", "jwks", "leeway"]) else { return nil }
        issuer = fields["issuer"]?.text()
        audience = fields["audience"]?.text()
        keySetURL = fields["jwks"]?.text()
        if let leeway = fields["leeway"]?.duration(.milliseconds(0)...(.minutes(10))) {
            self.leeway = .nanoseconds(leeway.nanoseconds)
        }
        keys = fields["keys"]?.list().compactMap { Key($0) } ?? []
        if let url = keySetURL, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
            fields["jwks"]?.fail("must be an http:// or https:// URL")
        }
        // Errors in keys are already reported.
        if fields["jwks"] == nil, fields["keys"]?.elements.isEmpty ?? true { node.fail("needs keys, jwks or both") }
    }
}

extension TokenIssuer.Key {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["algorithm", "kid", "secret", "public_key"]),
            let algorithm = fields.required("algorithm")?.choice(TokenIssuer.Algorithm.self)
        else { return nil }
        let id = fields["kid"]?.text()
        guard algorithm == .hs256 else {
            guard let pem = fields.required("public_key")?.text() else { return nil }
            self.init(algorithm, id: id, material: Array(pem.utf8))
            return
        }
        guard let secret = fields.required("secret"), let text = secret.text() else { return nil }
        // RFC 7518 §3.2: an HS256 key is at least as long as the hash.
        guard text.utf8.count >= 32 else {
            secret.fail("must have at least 32 bytes")
            return nil
        }
        self.init(algorithm, id: id, material: Array(text.utf8))
    }
}

extension GatewayConfiguration.APIKeys {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["header", "keys"]), let keys = fields.required("keys") else { return nil }
        self.init(keys: keys.list().compactMap { Key($0) })
        header = fields["header"]?.text() ?? header
        let read = self
        node.verify { () throws(GatewayError) in _ = try APIKeyVerifier(read) }
    }
}

extension GatewayConfiguration.APIKeys.Key {
    fileprivate init?(_ node: ConfigNode) {
        guard let fields = node.mapping(["name", "sha256", "permissions"]) else { return nil }
        // Reads both before either ends this, so that both errors are reported.
        let (owner, place) = (fields.required("name")?.text(), fields.required("sha256"))
        guard let name = owner, let hash = place, let text = hash.text() else { return nil }
        guard let digest = Hexadecimal.bytes(text.utf8), digest.count == 32 else {
            hash.fail("must be the 64 hexadecimal digits of a SHA-256")
            return nil
        }
        self.init(name: name, digest: digest, permissions: fields["permissions"]?.texts() ?? [])
    }
}
