import Logging
import MartletTokens
import Synchronization

/// The token verifiers of a gateway. Routes with the same issuer share one, which survives reloads as long as a route
/// uses it.
final class TokenVerifiers: Sendable {
    private struct Entry {
        let issuer: TokenIssuer
        /// The routes hold the strong references.
        weak var verifier: TokenVerifier<GatewayPrincipal>?
    }

    /// Seconds; the largest value that the file accepts.
    private static let maximumLeeway = Duration.seconds(600)

    private let entries = Mutex<[Entry]>([])
    private let logger: Logger
    /// Refreshes key sets; must be running.
    let refresher = KeyRefresher()
    /// Shared by all verifiers, including those of later configurations.
    let ended = EndedSessions(leeway: maximumLeeway)

    init(logger: Logger) { self.logger = logger }

    func verifier(_ issuer: TokenIssuer) -> TokenVerifier<GatewayPrincipal> {
        entries.withLock { entries in
            if let known = entries.first(where: { $0.issuer == issuer })?.verifier { return known }
            entries.removeAll { $0.verifier == nil }
            let keys = TokenKeys(issuer, refresher: refresher, logger: logger)
            let verifier = TokenVerifier(issuer, keys: keys, ended: ended) { GatewayPrincipal($0) }
            entries.append(Entry(issuer: issuer, verifier: verifier))
            return verifier
        }
    }

    /// How many verifiers there are.
    var count: Int { entries.withLock { $0.count { $0.verifier != nil } } }
}
