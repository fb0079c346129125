import MartletCore
import MartletTokens
import NIOCore

/// A route's policies in the order in which they are asked. What they find out goes into a ``PolicyOutcome``.
final class PolicyChain: Sendable {
    /// What becomes of a request.
    enum Verdict {
        case proceed(PolicyOutcome)
        case refuse(Problem, PolicyOutcome)
        /// An answer without a body.
        case answer(status: Int, PolicyOutcome)
        /// Something has to be found out first; then the chain is asked again.
        case later(PolicyQuestion, Findings)
    }

    private let addresses: GatewayConfiguration.AddressRule?
    private let cors: CORSPolicy?
    private let authentication: GatewayConfiguration.Authentication?
    private let verifier: TokenVerifier<Identity>?
    private let apiKeys: APIKeyVerifier?
    private let permission: String?
    private let rateLimits: [RateLimitPolicy]
    /// How many rate limits there are up to the last one that is shared.
    private let sharedLimits: Int
    private let compression: CompressionPolicy?
    let request: HeaderRules
    let response: HeaderRules

    /// - Parameter owner: whose rate limits the route's are: routes of one owner share them, in every gateway.
    /// - Returns: nil for a route without policies, which then pays nothing for them.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init?(_ route: GatewayConfiguration.Route, owner: String, _ resources: PolicyResources) throws(GatewayError) {
        let policies = route.policies
        addresses = policies.addresses
        cors = if let cors = policies.cors { try CORSPolicy(cors) } else { nil }
        authentication = policies.authentication
        verifier = policies.authentication?.tokens.map(resources.verifier)
        apiKeys = if let keys = policies.authentication?.apiKeys { try APIKeyVerifier(keys) } else { nil }
        permission = policies.permission
        if permission != nil, authentication == nil {
            throw .invalidConfiguration("routes: '\(route.match.path)' asks for a permission and for no authentication")
        }
        var limits: [RateLimitPolicy] = []
        for limit in policies.rateLimits {
            limits.append(
                try RateLimitPolicy(
                    limit, id: resources.limitID(owner, limits.count),
                    sharedName: "\(owner)\n\(limits.count)", limiter: resources.limiter))
        }
        rateLimits = limits
        sharedLimits = limits.lastIndex(where: \.isShared).map { $0 + 1 } ?? 0
        compression = policies.compression.map(CompressionPolicy.init)
        request = try HeaderRules(policies.requestHeaders)
        var response = try HeaderRules(policies.responseHeaders)
        if let security = policies.securityHeaders { response += try HeaderRules(security) }
        self.response = response
        if addresses == nil, cors == nil, authentication == nil, rateLimits.isEmpty, compression == nil,
            request.isEmpty, response.isEmpty
        {
            return nil
        }
    }

    /// Whether `OPTIONS` is the policies' own matter.
    var answersPreflights: Bool { cors != nil }

    /// - Parameter findings: what has been found out since the chain was first asked.
    func check(_ request: RequestView, findings: Findings, now: NIODeadline) -> Verdict {
        var outcome = PolicyOutcome(request: self.request, response: response)
        // First, as refusals are answers too.
        if let compression { outcome.compression = CompressionOffer(compression, request) }
        let client = addresses == nil && rateLimits.isEmpty ? nil : request.clientAddress

        if let addresses {
            let isDenied = client.map { client in addresses.deny.contains { $0.contains(client) } } ?? true
            let isAllowed =
                addresses.allow.isEmpty
                || client.map { client in addresses.allow.contains { $0.contains(client) } } ?? false
            guard isAllowed, !isDenied else { return .refuse(.addressRefused, outcome) }
        }
        // Before anything that could refuse: browsers send preflights without credentials, and a page may only read
        // a refusal that carries its origin.
        if let cors {
            outcome.response.removed += CORSPolicy.removed
            switch cors.check(request) {
            case .preflight(let lines):
                outcome.response.lines += lines
                return .answer(status: 204, outcome)
            case .lines(let lines):
                outcome.response.lines += lines
            }
        }
        var identity: Identity?
        if let authentication {
            switch authenticate(request, findings.identity) {
            case .identity(let found): identity = found
            case .nobody where authentication.isOptional && permission == nil: break
            case .nobody: return .refuse(.credentialsMissing, outcome)
            case .refused(let problem): return .refuse(problem, outcome)
            case .verify(let verifier, let token): return .later(.verify(verifier, token), findings)
            }
        }
        if let permission, identity?.has(permission) != true {
            return .refuse(.permissionDenied(permission), outcome)
        }
        var findings = findings
        for (index, limit) in rateLimits.enumerated() {
            let decision: RateLimiter.Decision
            if index < findings.limits.count {
                decision = findings.limits[index]
            } else if limit.isShared {
                return .later(.count(limit.sharedCount(request, client: client, identity: identity)), findings)
            } else {
                decision = limit.check(request, client: client, identity: identity, now: now)
                // Kept only where the chain may be asked again.
                if index < sharedLimits { findings.limits.append(decision) }
            }
            outcome.response.lines += limit.lines(decision)
            guard decision.isAdmitted else { return .refuse(.rateLimited(decision), outcome) }
        }
        if let identity { outcome.request.lines += identity.lines }
        return .proceed(outcome)
    }

    private enum Credentials {
        case identity(Identity), nobody, refused(Problem), verify(TokenVerifier<Identity>, [UInt8])
    }

    private func authenticate(_ request: RequestView, _ verified: Result<Identity, Problem>?) -> Credentials {
        if let apiKeys, let key = request.header(apiKeys.header) {
            guard request.count(apiKeys.header) == 1, let owner = apiKeys.owner(of: key) else {
                return .refused(.invalidAPIKey)
            }
            return .identity(owner)
        }
        guard let verifier, let header = request.header(Self.authorization) else { return .nobody }
        // RFC 6750 §2.1; the scheme in any case.
        guard header.count > 7, header.hasPrefixIgnoringCase("bearer "), request.count(Self.authorization) == 1 else {
            return .refused(.invalidToken)
        }
        let token = UnsafeRawBufferPointer(rebasing: header[7...])
        switch verified ?? verifier.known(token) {
        case .success(let identity): return .identity(identity)
        case .failure(let problem): return .refused(problem)
        case nil: return .verify(verifier, Array(token))
        }
    }

    private static let authorization = Array("authorization".utf8)
}

/// What the policies of a route add to a request that they let pass, and to its answer.
struct PolicyOutcome {
    var request = HeaderRules()
    var response = HeaderRules()
    var compression: CompressionOffer?
}

extension RequestView {
    /// The client's address: the peer's, or what the trusted proxies before the gateway say, the nearest first.
    var clientAddress: IPAddress? {
        guard peer.isTrusted, head.hasForwarding else { return peer.address }
        // Every proxy may have added a line of its own: the last one's is the nearest.
        var chain: [Substring] = []
        Nomination.forEachLine(in: bytes, headers: head.headers) { name, value, _ in
            if name.equalsIgnoringCase("x-forwarded-for") {
                chain += String(decoding: value, as: UTF8.self).split(separator: ",")
            }
        }
        return peer.client(behind: chain)
    }
}

extension Problem {
    static let credentialsMissing = Problem(
        status: 401, detail: "Sign in first.", code: "not_authenticated", headers: [("WWW-Authenticate", "Bearer")])

    static let invalidAPIKey = Problem(
        status: 401, detail: "The API key is not valid.", code: "invalid_api_key",
        headers: [("WWW-Authenticate", "Bearer")])

    static let addressRefused = Problem(
        status: 403, detail: "This address may not use this.", code: "address_denied")

    static func permissionDenied(_ permission: String) -> Problem {
        Problem(status: 403, detail: "This needs the permission \(permission).", code: "permission_denied")
    }

    static func rateLimited(_ decision: RateLimiter.Decision) -> Problem {
        let seconds = max(1, (decision.wait + 999_999_999) / 1_000_000_000)
        return Problem(
            status: 429, detail: "Too many requests; try again in \(seconds) s.", code: "rate_limited",
            headers: [("Retry-After", "\(seconds)")])
    }
}
