import MartletCore
import MartletTokens
import NIOCore

/// A lookup that a policy cannot complete synchronously. Once it completes, the whole chain runs again with the
/// ``Findings`` so far, so that policies always apply in the declared order.
enum PolicyQuestion {
    /// Verifies a token's signature.
    case verify(TokenVerifier<GatewayPrincipal>, [UInt8])
    /// Counts a request against a limit in Redis.
    case count(SharedCount)
}

/// The results of the lookups for a request.
struct Findings: Sendable {
    /// The verified identity, or why the token was refused.
    var principal: Result<GatewayPrincipal, Problem>?
    /// Whether the credentials are counted as wrong until they are verified.
    var isCharged = false
    /// The decisions of the first of the route's rate limits, which do not count the request again.
    var limits: [RateLimiter.Decision] = []
}

extension PolicyQuestion {
    /// Must be called on the loop. The future never fails.
    func answer(_ findings: Findings, _ loop: LoopContext) -> EventLoopFuture<Findings> {
        switch self {
        case .verify(let verifier, let token):
            return loop.eventLoop.makeFutureWithTask {
                var findings = findings
                do {
                    findings.principal = .success(try await verifier.verify(token))
                } catch {
                    findings.principal = .failure(error as? Problem ?? .internal)
                }
                return findings
            }
        case .count(let count):
            // A reload may have removed Redis while the request was in progress.
            let decision =
                loop.sharedLimits?.decide(count)
                ?? loop.eventLoop.makeSucceededFuture(count.limit.countLocally(count.digest, now: loop.now))
            return decision.map {
                var findings = findings
                findings.limits.append($0)
                return findings
            }
        }
    }
}
