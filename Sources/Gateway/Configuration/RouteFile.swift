import GRPCTranscoding
import MartletCore
import MartletTokens
import NIOCore

extension GatewayConfiguration.Route {
    private static let keys = [
        "name", "path", "prefix", "hosts", "methods", "headers", "upstream", "split", "grpc", "redirect", "respond",
        "files", "aggregate",
        "rewrite", "body_limit", "timeouts", "retry", "concurrency", "shed", "upgrade", "addresses", "cors",
        "authentication", "permission",
        "rate_limit",
        "request_headers", "response_headers", "security_headers", "compression", "cache",
    ]

    /// - Parameter upstreams: the names there are.
    init?(_ node: ConfigNode, upstreams: Set<String>) {
        guard let route = node.mapping(Self.keys) else { return nil }
        // Both are looked at before either ends it, so that both are told.
        let action = GatewayConfiguration.Route.Action(route, upstreams)
        guard let (kind, path) = route.one(of: ["path", "prefix"]), let text = path.text(), let action else {
            return nil
        }
        self.init(
            kind == "prefix" ? .prefix(text) : text.contains("{") ? .template(text) : .exact(text), action: action)
        path.verify { () throws(GatewayError) in _ = try RouteKey(match) }
        if let node = route["aggregate"] { GatewayConfiguration.Aggregate.checkPaths(node, of: match) }
        name = route["name"]?.text()
        hosts = route["hosts"]?.texts() ?? []
        methods = route["methods"]?.texts() ?? []
        if methods.contains(where: {
            $0.isEmpty || !$0.utf8.allSatisfy(ASCIISet.token.contains) || $0 != $0.uppercased()
        }) {
            route["methods"]?.fail("must be methods in capitals")
        }
        headers = route["headers"]?.dictionary() ?? [:]
        if let fields = route["rewrite"]?.mapping(["strip_prefix", "add_prefix", "redirects"]) {
            rewrite.stripPrefix = fields["strip_prefix"]?.text()
            rewrite.addPrefix = fields["add_prefix"]?.text()
            rewrite.mapsAnswers = fields["redirects"]?.bool() ?? false
            if rewrite.mapsAnswers, rewrite.stripPrefix == nil, rewrite.addPrefix == nil,
                fields.empty.isDisjoint(with: ["strip_prefix", "add_prefix"])
            {
                fields["redirects"]?.fail("needs strip_prefix or add_prefix beside it, to be undone")
            }
            for node in [fields["strip_prefix"], fields["add_prefix"]] {
                guard let node, node.isScalar, let path = node.text() else { continue }
                node.verify { () throws(GatewayError) in _ = try RouteKey.normalForm(path) }
            }
        }
        maximumRequestBody = route["body_limit"]?.size()
        upgrades = route["upgrade"]?.texts() ?? []
        if let fields = route["timeouts"]?.mapping(["connect", "first_byte", "idle", "total", "tunnel"]) {
            timeouts.connect = fields["connect"]?.duration()
            timeouts.firstByte = fields["first_byte"]?.duration()
            timeouts.idle = fields["idle"]?.duration()
            timeouts.total = fields["total"]?.duration()
            timeouts.tunnel = fields["tunnel"]?.duration()
            if let node = fields["tunnel"], upgrades.isEmpty {
                node.fail("is for routes with upgrade, such as upgrade: [websocket]")
            }
        }
        if let fields = route["retry"]?.mapping(["attempts", "statuses", "backoff", "body_limit"]) {
            var retries = GatewayConfiguration.Retries()
            retries.attempts = fields["attempts"]?.integer(0...10) ?? retries.attempts
            if let statuses = fields["statuses"] {
                retries.statuses = Set(statuses.list().compactMap { $0.integer(500...599) })
            }
            retries.backoff = fields["backoff"]?.duration() ?? retries.backoff
            if let node = fields["body_limit"], let size = node.size() {
                if size > 1 << 20 { node.fail("must be 1MiB at the most") }
                retries.maximumBody = size
            }
            self.retries = retries
        }
        if let node = route["concurrency"] { concurrency = GatewayConfiguration.Concurrency(node) }
        isSheddable = route["shed"]?.bool() ?? true
        if let node = route["cache"] {
            cache = .init(node)
            if case .proxy = action {} else { node.fail("is for routes to an upstream") }
        }
        policies.read(route)
    }
}

extension GatewayConfiguration.Route.Action {
    fileprivate init?(_ route: ConfigMapping, _ upstreams: Set<String>) {
        func upstream(_ node: ConfigNode) -> String? {
            guard let name = node.text() else { return nil }
            guard upstreams.contains(name) else {
                node.fail("there is no upstream '\(name)'")
                return nil
            }
            return name
        }
        let kinds = ["upstream", "split", "grpc", "redirect", "respond", "files", "aggregate"]
        guard let (kind, node) = route.one(of: kinds) else {
            return nil
        }
        switch kind {
        case "upstream":
            guard let name = upstream(node) else { return nil }
            self = .proxy([.init(upstream: name)])
        case "split":
            let shares = node.list()
            let read = shares.compactMap { share -> GatewayConfiguration.Share? in
                guard let fields = share.mapping(["upstream", "weight"]),
                    let name = fields.required("upstream").flatMap(upstream),
                    let weight = fields.required("weight")?.integer(0...1_000_000)
                else { return nil }
                return .init(upstream: name, weight: weight)
            }
            if read.count == shares.count, read.allSatisfy({ $0.weight == 0 }) { node.fail("leads to no upstream") }
            self = .proxy(read)
        case "grpc":
            guard let grpc = GatewayConfiguration.GRPC(node, upstream) else { return nil }
            self = .grpc(grpc)
        case "redirect":
            guard let fields = node.mapping(["to", "status"]), let location = fields.required("to")?.text() else {
                return nil
            }
            let status = fields["status"]?.integer(301...308) ?? 308
            if (304...306).contains(status) { fields["status"]?.fail("must be 301, 302, 303, 307 or 308") }
            if HeaderRules.line("Location", location) == nil { fields["to"]?.fail("must be a field's value") }
            self = .redirect(.init(location: location, status: status))
        case "aggregate":
            guard let aggregate = GatewayConfiguration.Aggregate(node, upstream: upstream) else { return nil }
            self = .aggregate(aggregate)
        case "files":
            guard let files = GatewayConfiguration.Files(node) else { return nil }
            self = .files(files)
        default:
            guard let fields = node.mapping(["status", "content_type", "body"]) else { return nil }
            var response = GatewayConfiguration.FixedResponse()
            response.status = fields["status"]?.integer(200...599) ?? response.status
            if let node = fields["content_type"], let type = node.text() {
                if HeaderRules.line("Content-Type", type) == nil { node.fail("must be a field's value") }
                response.contentType = type
            }
            response.body = fields["body"]?.text() ?? response.body
            self = .respond(response)
        }
    }
}

extension GatewayConfiguration.Aggregate {
    /// - Parameter read: reads an upstream's name.
    fileprivate init?(_ node: ConfigNode, upstream read: (ConfigNode) -> String?) {
        self.init()
        guard let members = node.mapping(["parts"])?.required("parts")?.mapping() else { return nil }
        for (name, node) in members.members {
            if name == AggregateAnswer.missing { node.fail("is the member that says what is not there") }
            guard let fields = node.mapping(["upstream", "path", "timeout", "required", "maximum_body"]) else {
                continue
            }
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

    /// Whether the parts' paths hold no parameters but the route's.
    fileprivate static func checkPaths(_ node: ConfigNode, of match: GatewayConfiguration.Route.Match) {
        for part in node.member("parts")?.values ?? [] {
            guard let path = part.member("path"), path.isScalar, let text = path.text(),
                PartPath(text, of: match) == nil
            else { continue }
            path.fail("'\(text)' is not a path whose parameters are the route's")
        }
    }
}

extension GatewayConfiguration.Files {
    fileprivate init?(_ node: ConfigNode) {
        let keys = ["root", "index", "fallback", "cache_control", "page_cache_control"]
        guard let fields = node.mapping(keys), let root = fields.required("root")?.text() else { return nil }
        self.init(root: root)
        index = fields["index"]?.text() ?? index
        fallback = fields["fallback"]?.text()
        for key in ["cache_control", "page_cache_control"] {
            guard let field = fields[key], let value = field.text() else { continue }
            guard HeaderRules.line("Cache-Control", value) != nil else {
                field.fail("must be a field's value")
                continue
            }
            if key == "cache_control" { cacheControl = value } else { pageCacheControl = value }
        }
    }
}

extension GatewayConfiguration.Cache {
    /// `true`, or what is not as usual.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        if node.isScalar {
            guard node.bool() == true else { return nil }
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
                name.fail("must be the name of a field that goes upstream as the client sends it")
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
        guard let fields = node.mapping(keys), let name = fields.required("upstream").flatMap(upstream),
            let descriptors = fields.required("descriptors"), let path = descriptors.text(),
            let services = fields.required("services")?.texts()
        else { return nil }
        self.init(upstream: name, descriptors: path, services: services)
        rejectsUnknownFields = fields["unknown_fields"]?.choice(UnknownFields.self) == .reject
        writesDefaults = fields["default_values"]?.bool() ?? false
        keepsNames = fields["proto_names"]?.bool() ?? false
        maximumMessage = fields["maximum_message"]?.size(1) ?? maximumMessage
        do throws(DescriptorError) { _ = try GRPCRoute.transcoder(self) } catch { descriptors.fail("\(error)") }
    }
}

extension GatewayConfiguration.Policies {
    fileprivate mutating func read(_ route: ConfigMapping) {
        if let fields = route["addresses"]?.mapping(["allow", "deny"]) {
            addresses = .init(allow: fields["allow"]?.addresses() ?? [], deny: fields["deny"]?.addresses() ?? [])
        }
        if let node = route["cors"] { cors = .init(node) }
        if let node = route["authentication"] { authentication = .init(node) }
        if let node = route["permission"] {
            permission = node.text()
            if route["authentication"] == nil, !route.empty.contains("authentication") {
                node.fail("needs authentication beside it")
            }
        }
        rateLimits = route["rate_limit"]?.list().compactMap { .init($0) } ?? []
        if let node = route["request_headers"] { requestHeaders = .init(node) }
        if let node = route["response_headers"] { responseHeaders = .init(node) }
        if let node = route["security_headers"] { securityHeaders = .init(node) }
        if let node = route["compression"] { compression = .init(node) }
    }
}

extension GatewayConfiguration.CORS {
    fileprivate init?(_ node: ConfigNode) {
        let keys = ["origins", "methods", "headers", "expose", "credentials", "max_age"]
        guard let cors = node.mapping(keys), let origins = cors.required("origins")?.texts() else { return nil }
        self.init(origins: origins)
        methods = cors["methods"]?.texts() ?? methods
        headers = cors["headers"]?.texts() ?? headers
        exposed = cors["expose"]?.texts() ?? exposed
        allowsCredentials = cors["credentials"]?.bool() ?? allowsCredentials
        if let age = cors["max_age"]?.duration() { maximumAge = Int(age.nanoseconds / 1_000_000_000) }
        let read = self
        node.verify { () throws(GatewayError) in _ = try CORSPolicy(read) }
    }
}

extension GatewayConfiguration.RateLimit {
    private enum Kind: String, CaseIterable { case client, user, route }

    fileprivate init?(_ node: ConfigNode) {
        guard let limit = node.mapping(["by", "header", "requests", "per", "shared"]),
            let requests = limit.required("requests")?.integer(1...1_000_000_000),
            let period = limit.required("per")?.duration(.milliseconds(1)...(.hours(24 * 31)))
        else { return nil }
        if period.nanoseconds < Int64(requests) { node.fail("has more requests than one in a nanosecond") }
        if limit["header"] != nil, limit["by"] != nil { node.fail("needs by or header, not both") }
        var key = Key.client
        if let name = limit["header"]?.text() {
            key = .header(name)
        } else if let by = limit["by"] {
            switch by.choice(Kind.self) {
            case .client: key = .client
            case .user: key = .user
            case .route: key = .route
            case nil: return nil
            }
        }
        self.init(by: key, requests: requests, per: period)
        isShared = limit["shared"]?.bool() ?? false
    }
}

extension GatewayConfiguration.HeaderEdit {
    fileprivate init(_ node: ConfigNode) {
        self.init()
        guard let edit = node.mapping(["set", "add", "remove"]) else { return }
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
                node.fail("must be a field's value")
            }
            fields[name] = value
        }
        return fields
    }
}

extension GatewayConfiguration.SecurityHeaders {
    /// `true`, or the fields that are not as usual.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        if node.isScalar {
            guard node.bool() == true else { return nil }
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
    /// `true`, or what is not as usual.
    fileprivate init?(_ node: ConfigNode) {
        self.init()
        if node.isScalar {
            guard node.bool() == true else { return nil }
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
        guard let fields = node.mapping(["jwt", "api_keys", "optional"]) else { return nil }
        isOptional = fields["optional"]?.bool() ?? false
        if let jwt = fields["jwt"] { tokens = TokenIssuer(jwt) }
        if let keys = fields["api_keys"] { apiKeys = .init(keys) }
        if tokens == nil, apiKeys == nil {
            node.fail("needs jwt, api_keys or both")
            return nil
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
        if keys.isEmpty, keySetURL == nil { node.fail("needs keys, jwks or both") }
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
        // RFC 7518 §3.2: a key of HS256 is no shorter than its hash.
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
        guard let fields = node.mapping(["name", "sha256", "permissions"]),
            let name = fields.required("name")?.text(), let hash = fields.required("sha256"), let text = hash.text()
        else { return nil }
        let digits = Array(text.utf8)
        let digest = stride(from: 0, to: digits.count - 1, by: 2).compactMap { index -> UInt8? in
            guard let high = ASCII.hexadecimalValue(digits[index]), let low = ASCII.hexadecimalValue(digits[index + 1])
            else { return nil }
            return high << 4 | low
        }
        guard digits.count == 64, digest.count == 32 else {
            hash.fail("must be the 64 hexadecimal digits of a SHA-256")
            return nil
        }
        self.init(name: name, digest: digest, permissions: fields["permissions"]?.texts() ?? [])
    }
}
