import Logging
import MartletTokens
import Synchronization

/// The token verifiers of a gateway. Routes that believe the same issuer share one, and it stays when the configuration is
/// read again; with the last route that believes an issuer goes its verifier.
final class TokenVerifiers: Sendable {
    private struct Entry {
        let issuer: TokenIssuer
        /// The routes hold it.
        weak var verifier: TokenVerifier<GatewayPrincipal>?
    }

    /// Seconds; the file allows no more.
    private static let maximumLeeway = Duration.seconds(600)

    private let entries = Mutex<[Entry]>([])
    private let logger: Logger
    /// Fetches key sets that have grown old; it has to be run.
    let refresher = KeyRefresher()
    /// One for all verifiers, those of later configurations too.
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
