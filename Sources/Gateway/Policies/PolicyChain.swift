import MartletCore
import MartletTokens
import NIOCore

/// A route's policies in the order in which they are applied. Their results go into a ``PolicyOutcome``.
final class PolicyChain: Sendable {
    /// The decision on a request.
    enum Verdict {
        case proceed(PolicyOutcome)
        case refuse(Problem, PolicyOutcome)
        /// A response without a body.
        case answer(status: Int, PolicyOutcome)
        /// A lookup is needed first; then the chain is run again.
        case later(PolicyQuestion, Findings)
    }

    private let addresses: (allow: AddressSet, deny: AddressSet)?
    private let cors: CORSPolicy?
    private let authentication: GatewayConfiguration.Authentication?
    private let verifier: TokenVerifier<GatewayPrincipal>?
    private let apiKeys: APIKeyVerifier?
    private let webSocket: WebSocketToken?
    private let permission: String?
    /// Limits by address first.
    private let rateLimits: [RateLimitPolicy]
    /// The number of limits by address. They come before authentication because verification is expensive.
    private let addressLimits: Int
    /// How many of the first limits keep their decision when the chain is run again.
    private let keptLimits: Int
    /// The names under which the limits are counted.
    let limitNames: [String]
    private let restoresConditions: ConditionRestoration?
    private let compression: CompressionPolicy?
    let request: HeaderRules
    let response: HeaderRules

    /// - Parameter owner: the owner of the route's rate limits. Routes with the same owner share them, in every
    ///   gateway.
    /// - Returns: nil for a route without policies, which then costs nothing.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init?(_ route: GatewayConfiguration.RouteRule, owner: String, _ resources: PolicyResources) throws(GatewayError) {
        let policies = route.policies
        addresses = policies.addresses.map { (allow: AddressSet($0.allow), deny: AddressSet($0.deny)) }
        cors = if let cors = policies.cors { try CORSPolicy(cors) } else { nil }
        authentication = policies.authentication
        verifier = policies.authentication?.tokens.map(resources.verifier)
        apiKeys = if let keys = policies.authentication?.apiKeys { try APIKeyVerifier(keys) } else { nil }
        webSocket = policies.authentication?.webSocket.map(WebSocketToken.init)
        permission = policies.permission
        if permission != nil, authentication == nil {
            throw .invalidConfiguration("routes: '\(route.match.path)' requires a permission but no authentication")
        }
        var limits: [(policy: RateLimitPolicy, name: String)] = []
        var kinds: [String: Int] = [:]
        for limit in policies.rateLimits {
            // Named by kind and not by position, so that a limit inserted before another does not take over its counts.
            let kind = limit.key.countName
            let name = "\(policies.limitOwner ?? owner)\n\(kind) \(kinds[kind, default: 0])"
            kinds[kind, default: 0] += 1
            limits.append(
                (try RateLimitPolicy(limit, name: name, limiter: resources.rateLimits.table(name)), name))
        }
        limits = limits.filter(\.policy.isOfAddresses) + limits.filter { !$0.policy.isOfAddresses }
        rateLimits = limits.map(\.policy)
        limitNames = limits.map(\.name)
        addressLimits = limits.count(where: \.policy.isOfAddresses)
        let sharedLimits = limits.lastIndex(where: \.policy.isShared).map { $0 + 1 } ?? 0
        keptLimits = max(sharedLimits, verifier == nil ? 0 : addressLimits)
        compression = policies.compression.map(CompressionPolicy.init)
        restoresConditions = policies.compression.map { _ in ConditionRestoration(isCached: route.cache != nil) }
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

    /// Whether the policies answer `OPTIONS` preflights themselves.
    var answersPreflights: Bool { cors != nil }

    /// - Parameter findings: the results of lookups since the chain was first run.
    func check(_ request: RequestView, findings: Findings, now: NIODeadline) -> Verdict {
        var outcome = PolicyOutcome(request: self.request, response: response)
        // First, since refusals are responses too.
        if let compression { outcome.compression = CompressionOffer(compression, request) }
        restoresConditions?.restore(request, &outcome.request)
        let client = addresses == nil && rateLimits.isEmpty ? nil : request.clientAddress

        if let addresses {
            // A client with an unknown address is refused wherever addresses decide.
            let isDenied = client.map(addresses.deny.contains) ?? true
            let isAllowed = addresses.allow.isEmpty || client.map(addresses.allow.contains) ?? false
            guard isAllowed, !isDenied else { return .refuse(.addressRefused, outcome) }
        }
        // Before anything that could refuse: browsers send preflights without credentials, and a page can only read a
        // refusal that carries its origin.
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
        var findings = findings
        if let verdict = count(0..<addressLimits, request, client, nil, &findings, &outcome, now) { return verdict }
        var principal: GatewayPrincipal?
        if let authentication {
            var token: UnsafeRawBufferPointer?
            if let webSocket {
                switch webSocket.find(request, &outcome.request) {
                case .found(let found): token = found
                case .none: break
                case .refused(let problem): return .refuse(problem, outcome)
                }
            }
            switch authenticate(request, token, findings.principal) {
            case .principal(let found):
                principal = found
                refund(client, &findings)
            case .nobody where authentication.isOptional && permission == nil: break
            case .nobody: return .refuse(.credentialsMissing, outcome)
            case .refused(let problem): return failed(problem, client, &findings, outcome, now)
            case .verify(let verifier, let token):
                // Counted before the expensive verification, in case the credentials are wrong.
                if let refusal = countFailure(client, &outcome, now) { return .refuse(refusal, outcome) }
                findings.isCharged = true
                return .later(.verify(verifier, token), findings)
            }
        }
        if let permission, principal?.has(permission) != true {
            return .refuse(.permissionDenied(permission), outcome)
        }
        let others = addressLimits..<rateLimits.count
        if let verdict = count(others, request, client, principal, &findings, &outcome, now) { return verdict }
        if let principal { outcome.request.lines += principal.lines }
        return .proceed(outcome)
    }

    /// Applies some of the rate limits.
    /// - Returns: nil when all of them admit the request.
    private func count(
        _ limits: Range<Int>, _ request: RequestView, _ client: IPAddress?, _ principal: GatewayPrincipal?,
        _ findings: inout Findings, _ outcome: inout PolicyOutcome, _ now: NIODeadline
    ) -> Verdict? {
        for index in limits {
            let limit = rateLimits[index]
            let decision: RateLimiter.Decision
            if index < findings.limits.count {
                decision = findings.limits[index]
            } else if limit.isShared {
                return .later(.count(limit.sharedCount(request, client: client, principal: principal)), findings)
            } else {
                decision = limit.check(request, client: client, principal: principal, now: now)
                // Kept only if the chain may be run again.
                if index < keptLimits { findings.limits.append(decision) }
            }
            outcome.response.lines += limit.lines(decision)
            guard decision.isAdmitted else { return .refuse(.rateLimited(decision), outcome) }
        }
        return nil
    }

    /// Counts wrong or unverified credentials in the per-user limits, against the client's address since there is no
    /// user yet. Per-address limits have counted the request already. Limits by header and by route are spared:
    /// failures must not use up other clients' allowance.
    private func countFailure(_ client: IPAddress?, _ outcome: inout PolicyOutcome, _ now: NIODeadline) -> Problem? {
        var refusal: Problem?
        for limit in rateLimits[addressLimits...] {
            guard let decision = limit.countFailure(client, now: now), !decision.isAdmitted else { continue }
            outcome.response.lines += limit.lines(decision)
            refusal = refusal ?? .rateLimited(decision)
        }
        return refusal
    }

    /// The credentials counted in advance were right, or could not be verified.
    private func refund(_ client: IPAddress?, _ findings: inout Findings) {
        guard findings.isCharged else { return }
        findings.isCharged = false
        for limit in rateLimits[addressLimits...] { limit.refundFailure(client) }
    }

    private func failed(
        _ problem: Problem, _ client: IPAddress?, _ findings: inout Findings, _ outcome: PolicyOutcome,
        _ now: NIODeadline
    ) -> Verdict {
        var outcome = outcome
        // If the issuer's keys cannot be fetched, the client is not to blame.
        if problem.status != 401 {
            refund(client, &findings)
        } else if !findings.isCharged, let refusal = countFailure(client, &outcome, now) {
            return .refuse(refusal, outcome)
        }
        return .refuse(problem, outcome)
    }

    private enum Authentication {
        case principal(GatewayPrincipal), nobody, refused(Problem), verify(TokenVerifier<GatewayPrincipal>, [UInt8])
    }

    /// - Parameter token: a token from outside `Authorization`.
    private func authenticate(
        _ request: RequestView, _ token: UnsafeRawBufferPointer?, _ verified: Result<GatewayPrincipal, Problem>?
    ) -> Authentication {
        if let apiKeys, let key = request.header(apiKeys.header) {
            guard request.count(apiKeys.header) == 1, let owner = apiKeys.owner(of: key) else {
                return .refused(.invalidAPIKey)
            }
            return .principal(owner)
        }
        guard let verifier else { return .nobody }
        let bearer: UnsafeRawBufferPointer
        if let header = request.header(Self.authorization) {
            // RFC 6750 §2.1; the scheme is case-insensitive.
            guard header.count > 7, header.hasPrefixIgnoringCase("bearer "), request.count(Self.authorization) == 1
            else { return .refused(.invalidToken) }
            bearer = UnsafeRawBufferPointer(rebasing: header[7...])
        } else if let token {
            bearer = token
        } else {
            return .nobody
        }
        switch verified ?? verifier.known(bearer) {
        case .success(let principal): return .principal(principal)
        case .failure(let problem): return .refused(problem)
        case nil: return .verify(verifier, Array(bearer))
        }
    }

    private static let authorization = Array("authorization".utf8)
}

/// What the policies of a route add to an admitted request and to its response.
struct PolicyOutcome {
    var request = HeaderRules()
    var response = HeaderRules()
    var compression: CompressionOffer?
}

extension Problem {
    static let credentialsMissing = Problem(
        status: 401, detail: "Sign in first.", code: "not_authenticated", headers: [("WWW-Authenticate", "Bearer")])

    static let invalidAPIKey = Problem(
        status: 401, detail: "The API key is not valid.", code: "invalid_api_key",
        headers: [("WWW-Authenticate", "Bearer")])

    static let addressRefused = Problem(
        status: 403, detail: "Access from this address is not allowed.", code: "address_denied")

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
