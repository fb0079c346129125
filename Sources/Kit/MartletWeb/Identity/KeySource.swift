import JWTKit
public import MartletClient
public import MartletCore
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The public keys that access tokens are verified with, from the issuer's JWK set (RFC 7517).
///
/// Keys are fetched when a token names one that is not known, at most once in ``refreshInterval``; while the issuer
/// is away the last good keys serve on.
public actor KeySource {
    /// Seconds between two fetches: a flood of made-up key ids must not become a flood of fetches.
    private static let refreshInterval: Int64 = 10

    private let client: ServiceClient
    private let clock: WallClock
    private var keys: [String: JWTKeyCollection] = [:]
    private var lastFetch: Timestamp?
    private var fetch: Task<Void, any Error>?

    public init(issuer client: ServiceClient, clock: WallClock = .system) {
        self.client = client
        self.clock = clock
    }

    /// The key of that id alone, so that a token cannot choose another one.
    /// - Throws: ``Problem`` 401 for an unknown key, 503 when no keys can be had.
    func key(_ id: String) async throws -> JWTKeyCollection {
        if let key = keys[id] { return key }
        let now = clock.now
        if keys.isEmpty || lastFetch.map({ now >= $0.advanced(bySeconds: Self.refreshInterval) }) ?? true {
            try await refresh()
        }
        guard let key = keys[id] else { throw Problem.invalidToken }
        return key
    }

    /// Concurrent callers share one fetch.
    private func refresh() async throws {
        if let fetch { return try await fetch.value }
        let task = Task { try await load() }
        fetch = task
        defer { fetch = nil }
        try await task.value
    }

    private func load() async throws {
        let response = try await client.get("/.well-known/jwks.json")
        guard response.status == 200 else { throw Problem.unavailable("The token keys cannot be had.") }
        let set = try JSONDecoder().decode(JWKS.self, from: Data(response.body))
        var found: [String: JWTKeyCollection] = [:]
        for key in set.keys {
            guard let id = key.keyIdentifier?.string else { continue }
            found[id] = try await JWTKeyCollection().add(jwk: key)
        }
        keys = found
        lastFetch = clock.now
    }
}
