import MartletCore
import MartletTokens
import NIOCore

/// What a policy has to know and cannot know at once. When the answer has come, the whole chain is asked again, with the
/// ``Findings`` made so far: its order stays the one that can be read.
enum PolicyQuestion {
    /// Whose token this is: a signature has to be checked.
    case verify(TokenVerifier<GatewayPrincipal>, [UInt8])
    /// Whether a limit admits the request: Redis counts.
    case count(SharedCount)
}

/// What has been found out about a request while its policies waited.
struct Findings: Sendable {
    /// Whose the token is.
    var principal: Result<GatewayPrincipal, Problem>?
    /// Whether the credentials have been counted as wrong ones until that is known.
    var isCharged = false
    /// What the first of the route's rate limits have decided. They are not asked twice.
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
            // Without Redis when the configuration has lost it while the request was under way.
            let decision =
                loop.sharedLimits?.decide(count)
                ?? loop.eventLoop.makeSucceededFuture(count.limit.countHere(count.digest, now: loop.now))
            return decision.map {
                var findings = findings
                findings.limits.append($0)
                return findings
            }
        }
    }
}
