import MartletCore
import Crypto
import NIOCore

/// A ``GatewayConfiguration/RateLimit`` that is ready to be asked.
struct RateLimitPolicy: Sendable {
    /// Whether Redis counts, for all gateways together.
    let isShared: Bool
    private let key: GatewayConfiguration.RateLimit.Key
    private let headerName: [UInt8]
    private let id: Int
    /// The same in every gateway.
    private let sharedName: [UInt8]
    let interval: Int64
    let burst: Int64
    private let seconds: Int
    private let limiter: RateLimiter

    /// - Parameters:
    ///   - id: tells the limits of a configuration apart; the same limit keeps it when the configuration is read again.
    ///   - sharedName: tells the limits of all gateways apart.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(
        _ limit: GatewayConfiguration.RateLimit, id: Int, sharedName: String, limiter: RateLimiter
    ) throws(GatewayError) {
        guard limit.requests > 0, limit.requests <= 1_000_000_000, limit.period >= .milliseconds(1),
            limit.period <= .hours(24 * 31), limit.period.nanoseconds >= Int64(limit.requests)
        else { throw .invalidConfiguration("rate_limit: there are 1 to 10⁹ requests in 1 ms to 31 days") }
        isShared = limit.isShared
        key = limit.key
        headerName = if case .header(let name) = limit.key { Array(name.lowercased().utf8) } else { [] }
        self.id = id
        self.sharedName = Array(sharedName.utf8)
        interval = limit.period.nanoseconds / Int64(limit.requests)
        burst = Int64(limit.requests)
        seconds = Int(max(1, limit.period.nanoseconds / 1_000_000_000))
        self.limiter = limiter
    }

    /// Counts a request in this process.
    /// - Parameter client: the client's address.
    func check(_ request: RequestView, client: IPAddress?, identity: Identity?, now: NIODeadline)
        -> RateLimiter.Decision
    {
        var hasher = Hasher()
        hasher.combine(id)
        switch key {
        case .route: break
        case .client: hasher.combine(client?.network)
        case .user:
            if let identity { hasher.combine(identity.subject) } else { hasher.combine(client?.network) }
        case .header:
            if let value = request.header(headerName) { hasher.combine(bytes: value) }
        }
        return count(UInt64(bitPattern: Int64(hasher.finalize())), now)
    }

    private func count(_ key: UInt64, _ now: NIODeadline) -> RateLimiter.Decision {
        limiter.admit(
            limit: id, key, interval: interval, burst: burst, now: Int64(clamping: now.uptimeNanoseconds))
    }

    /// What Redis counts a request as.
    func sharedCount(_ request: RequestView, client: IPAddress?, identity: Identity?) -> SharedCount {
        var hash = SHA256()
        hash.update(data: sharedName)
        // The kind comes between, so that no user is called like an address.
        switch key {
        case .route: hash.update(data: [0, 0])
        case .user where identity != nil:
            hash.update(data: [0, 1])
            hash.update(data: Array((identity?.subject ?? "").utf8))
        case .client, .user:
            hash.update(data: [0, 2])
            hash.update(data: Array((client?.network.description ?? "").utf8))
        case .header:
            hash.update(data: [0, 3])
            if let value = request.header(headerName) { hash.update(bufferPointer: value) }
        }
        return SharedCount(limit: self, digest: Array(hash.finalize().prefix(16)))
    }

    /// Counts in this process what Redis should have counted.
    func countHere(_ digest: [UInt8], now: NIODeadline) -> RateLimiter.Decision {
        count(digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, now)
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
    func lines(_ decision: RateLimiter.Decision) -> [UInt8] {
        let reset = (max(0, decision.wait) + 999_999_999) / 1_000_000_000
        return Array(
            """
            RateLimit-Policy: "\(name)";q=\(burst);w=\(seconds)\r
            RateLimit: "\(name)";r=\(decision.remaining);t=\(reset)\r

            """.utf8)
    }

    private var name: String {
        switch key {
        case .client: "client"
        case .user: "user"
        case .route: "route"
        case .header: "header"
        }
    }
}

/// One request against one limit that Redis keeps.
struct SharedCount: Sendable {
    let limit: RateLimitPolicy
    /// 128 bits of a SHA-256 over the limit and whom it counts: Redis sees neither what a client has sent nor keys longer
    /// than that, and nobody can choose values that meet in one bucket.
    let digest: [UInt8]
}
