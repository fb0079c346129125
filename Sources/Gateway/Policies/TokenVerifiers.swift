import Logging
import MartletCore
import MartletTokens
import Synchronization

/// The token verifiers of a gateway. Routes that believe the same issuer share one, and it stays when the
/// configuration is read again.
final class TokenVerifiers: Sendable {
    private struct Entry {
        let issuer: TokenIssuer
        let verifier: TokenVerifier<Identity>
    }

    private struct State {
        var entries: [Entry] = []
        /// Sessions that have ended, for verifiers that come with another configuration; as in ``TokenVerifier``.
        var revoked: [String: Int64] = [:]
    }

    private let state = Mutex(State())
    private let logger: Logger
    /// Seconds; the file allows no more.
    private static let maximumLeeway: Int64 = 600

    init(logger: Logger) { self.logger = logger }

    func verifier(_ issuer: TokenIssuer) -> TokenVerifier<Identity> {
        state.withLock { state in
            if let known = state.entries.first(where: { $0.issuer == issuer }) { return known.verifier }
            let verifier = TokenVerifier(issuer, keys: TokenKeys(issuer, logger: logger)) { Identity($0) }
            for (session, until) in state.revoked { verifier.revoke(session: session, until: until) }
            state.entries.append(Entry(issuer: issuer, verifier: verifier))
            return verifier
        }
    }

    func revoke(session: String, until: Int64) {
        state.withLock { state in
            let now = WallClock.system.now.secondsSince1970
            state.revoked = state.revoked.filter { $0.value + Self.maximumLeeway > now }
            state.revoked[session] = until
            for entry in state.entries { entry.verifier.revoke(session: session, until: until) }
        }
    }
}
