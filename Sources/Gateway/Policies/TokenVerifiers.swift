import Logging
import MartletTokens
import Synchronization

/// The token verifiers of a gateway. Routes that believe the same issuer share one, and it stays when the
/// configuration is read again.
final class TokenVerifiers: Sendable {
    private struct Entry {
        let issuer: TokenIssuer
        let verifier: TokenVerifier<Identity>
    }

    private let entries = Mutex<[Entry]>([])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func verifier(_ issuer: TokenIssuer) -> TokenVerifier<Identity> {
        entries.withLock { entries in
            if let known = entries.first(where: { $0.issuer == issuer }) { return known.verifier }
            let verifier = TokenVerifier(issuer, keys: TokenKeys(issuer, logger: logger)) { Identity($0) }
            entries.append(Entry(issuer: issuer, verifier: verifier))
            return verifier
        }
    }

    func revoke(session: String, until: Int64) {
        for entry in entries.withLock({ $0 }) { entry.verifier.revoke(session: session, until: until) }
    }
}
