import MartletCore
import Crypto
import NIOCore

/// A compiled ``GatewayConfiguration/RateLimit``.
struct RateLimitPolicy: Sendable {
    /// Whether Redis counts, for all gateways together.
    let isShared: Bool
    private let key: GatewayConfiguration.RateLimit.Key
    private let headerName: [UInt8]
    /// The same in every gateway.
    private let sharedName: [UInt8]
    let interval: Int64
    let burst: Int64
    private let seconds: Int
    private let limiter: RateLimiter

    /// - Parameters:
    ///   - name: identifies the limit among those of all gateways.
    ///   - limiter: holds the counts; the same across reloads.
    /// - Throws: ``GatewayError/invalidConfiguration(_:)``.
    init(
        _ limit: GatewayConfiguration.RateLimit, name: String, limiter: RateLimiter
    ) throws(GatewayError) {
        guard limit.requests > 0, limit.requests <= 1_000_000_000, limit.period >= .milliseconds(1),
            limit.period <= .hours(24 * 31), limit.period.nanoseconds >= Int64(limit.requests)
        else { throw .invalidConfiguration("rate_limit: requests must be 1 to 10⁹, per 1 ms to 31 days") }
        isShared = limit.isShared
        key = limit.key
        headerName = if case .header(let name) = limit.key { Array(name.lowercased().utf8) } else { [] }
        sharedName = Array(name.utf8)
        interval = limit.period.nanoseconds / Int64(limit.requests)
        burst = Int64(limit.requests)
        seconds = Int(max(1, limit.period.nanoseconds / 1_000_000_000))
        self.limiter = limiter
    }

    /// Whether the limit depends on the address alone, which is known before authentication. All others count after it,
    /// so that wrong credentials do not use up another client's allowance.
    var isOfAddresses: Bool { key == .client }

    /// Counts a request in this process.
    /// - Parameter client: the client's address.
    func check(_ request: RequestView, client: IPAddress?, principal: GatewayPrincipal?, now: NIODeadline)
        -> RateLimiter.Decision
    {
        switch key {
        case .route: return count(0, now)
        case .client: return count(Self.key(client), now)
        case .user:
            guard let principal else { return count(Self.key(client), now) }
            var hasher = Hasher()
            hasher.combine(true)
            hasher.combine(principal.subject)
            return count(UInt64(bitPattern: Int64(hasher.finalize())), now)
        case .header:
            var hasher = Hasher()
            if let value = request.header(headerName) { hasher.combine(bytes: value) }
            return count(UInt64(bitPattern: Int64(hasher.finalize())), now)
        }
    }

    /// Counts wrong or unverified credentials against the client's address, in this process, as an anonymous request.
    /// - Returns: nil for a limit that is not per user.
    func countFailure(_ client: IPAddress?, now: NIODeadline) -> RateLimiter.Decision? {
        key == .user ? count(Self.key(client), now) : nil
    }

    /// Takes back a counted failure after the credentials proved right.
    func refundFailure(_ client: IPAddress?) {
        if key == .user { limiter.refund(Self.key(client), interval: interval) }
    }

    private static func key(_ client: IPAddress?) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(false)
        hasher.combine(client?.network)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private func count(_ key: UInt64, _ now: NIODeadline) -> RateLimiter.Decision {
        limiter.admit(key, interval: interval, burst: burst, now: Int64(clamping: now.uptimeNanoseconds))
    }

    /// What Redis counts a request as.
    func sharedCount(_ request: RequestView, client: IPAddress?, principal: GatewayPrincipal?) -> SharedCount {
        var hash = SHA256()
        hash.update(data: sharedName)
        // The kind separates the key spaces, so that no user name equals an address.
        switch key {
        case .route: hash.update(data: [0, 0])
        case .user where principal != nil:
            hash.update(data: [0, 1])
            hash.update(data: Array((principal?.subject ?? "").utf8))
        case .client, .user:
            hash.update(data: [0, 2])
            hash.update(data: Array((client?.network.description ?? "").utf8))
        case .header:
            hash.update(data: [0, 3])
            if let value = request.header(headerName) { hash.update(bufferPointer: value) }
        }
        return SharedCount(limit: self, digest: Array(hash.finalize().prefix(16)))
    }

    /// Counts a request in this process in place of Redis.
    func countLocally(_ digest: [UInt8], now: NIODeadline) -> RateLimiter.Decision {
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

extension GatewayConfiguration.RateLimit.Key {
    /// The part of the counter's name that the key determines.
    var countName: String {
        switch self {
        case .client: "client"
        case .user: "user"
        case .route: "route"
        case .header(let name): "header \(name.lowercased())"
        }
    }
}

/// One request against a limit that Redis counts.
struct SharedCount: Sendable {
    let limit: RateLimitPolicy
    /// 128 bits of a SHA-256 over the limit and the counted key. Redis never sees what clients send, keys have a fixed
    /// length, and clients cannot craft collisions.
    let digest: [UInt8]
}
