import AsyncHTTPClient
import JWTKit
public import Logging
import MartletCore
import NIOCore
import NIOHTTP1

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A key and the one algorithm it may be used with.
struct TokenKey: Sendable {
    let algorithm: String
    /// Holds this key alone, so that a token cannot choose another one.
    let collection: JWTKeyCollection
}

/// The keys of one issuer: those of the configuration, and those of its JWK set (RFC 7517).
///
/// The set is fetched when a token names a key that is not known or does not fit its key, at most once in
/// ``refreshInterval``: a flood of made-up tokens must not become a flood of fetches. It is fetched again after
/// ``maximumAge`` too, beside the requests, as a key that has been withdrawn must not be believed for ever. While the
/// issuer is away its last good keys serve on; while there are none yet, because the issuer is still starting, it is
/// asked once in ``startInterval``.
public actor TokenKeys {
    public static let refreshInterval = Duration.seconds(10)
    public static let startInterval = Duration.seconds(1)
    public static let maximumAge = Duration.seconds(300)
    private static let maximumSetLength = 1 << 20

    private let configured: [TokenIssuer.Key]
    private let url: String?
    private let fetchSet: @Sendable (String) async throws -> [UInt8]
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private var fixed: [String?: TokenKey]?
    private var fetched: [String?: TokenKey] = [:]
    /// When the set was asked for, and when it came.
    private var lastFetch: ContinuousClock.Instant?
    private var lastSuccess: ContinuousClock.Instant?
    private var fetch: Task<Void, any Error>?

    public init(
        _ issuer: TokenIssuer, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetch: @escaping @Sendable (String) async throws -> [UInt8] = TokenKeys.download
    ) {
        configured = issuer.keys
        url = issuer.keySetURL
        self.logger = logger
        self.now = now
        fetchSet = fetch
    }

    /// - Throws: ``Problem`` 401 for an unknown key, 503 when no keys can be had.
    func key(_ id: String?) async throws -> TokenKey {
        let fixed = try await configuredKeys()
        if let key = fixed[id] { return key }
        guard url != nil else { throw Problem.invalidToken }
        if let key = fetched[id] {
            if let lastSuccess, now() - lastSuccess >= Self.maximumAge, mayFetch, fetch == nil {
                fetch = Task { try await load() }
            }
            return key
        }
        if mayFetch || fetch != nil {
            do {
                try await refresh()
            } catch {
                if fetched.isEmpty { throw Problem.unavailable("The token keys cannot be had.") }
            }
        } else if fetched.isEmpty {
            throw Problem.unavailable("The token keys cannot be had.")
        }
        guard let key = fetched[id] else { throw Problem.invalidToken }
        return key
    }

    /// The key that the issuer has under an id now, after a token did not fit the one that was known.
    /// - Returns: nil when it has no other one, or may not be asked so soon.
    func renewedKey(_ id: String?) async -> TokenKey? {
        guard url != nil, fixed?[id] == nil, mayFetch || fetch != nil else { return nil }
        try? await refresh()
        return fetched[id]
    }

    private var mayFetch: Bool {
        guard let lastFetch else { return true }
        return now() - lastFetch >= (fetched.isEmpty ? Self.startInterval : Self.refreshInterval)
    }

    private func configuredKeys() async throws -> [String?: TokenKey] {
        if let fixed { return fixed }
        var keys: [String?: TokenKey] = [:]
        for key in configured { keys[key.id] = try await Self.make(key) }
        fixed = keys
        return keys
    }

    /// Concurrent callers share one fetch.
    private func refresh() async throws {
        if let fetch { return try await fetch.value }
        let task = Task { try await load() }
        fetch = task
        try await task.value
    }

    private func load() async throws {
        defer { fetch = nil }
        guard let url else { return }
        lastFetch = now()
        do {
            let found = try await keys(in: fetchSet(url))
            // A set of nothing is a mistake of the issuer's.
            if !found.isEmpty { fetched = found }
            lastSuccess = now()
        } catch {
            logger.warning("cannot fetch the token keys", metadata: ["error": "\(error)"])
            throw error
        }
    }

    private func keys(in body: [UInt8]) async throws -> [String?: TokenKey] {
        guard body.count <= Self.maximumSetLength else { throw Problem.unavailable("The key set is too long.") }
        let set = try JSONDecoder().decode(JWKS.self, from: Data(body))
        var found: [String?: TokenKey] = [:]
        for key in set.keys {
            guard let algorithm = Self.algorithm(of: key) else { continue }
            let id = key.keyIdentifier?.string
            var key = key
            if key.algorithm == nil { key.algorithm = JWK.Algorithm(rawValue: algorithm) }
            // Optional (RFC 7517 §4.5); the library wants one. Each key has a collection of its own.
            if id == nil { key.keyIdentifier = JWKIdentifier(string: "") }
            do {
                found[id] = TokenKey(algorithm: algorithm, collection: try await JWTKeyCollection().add(jwk: key))
            } catch {
                logger.warning("a token key is of no use", metadata: ["kid": "\(id ?? "-")", "error": "\(error)"])
            }
        }
        return found
    }

    /// The algorithm a public key is for: its own word, or else the one for its kind. A shared secret has no place in
    /// a public set.
    private static func algorithm(of key: JWK) -> String? {
        switch key.keyType {
        case .rsa:
            return key.algorithm.map(\.rawValue) ?? "RS256"
        case .ecdsa:
            return key.curve?.rawValue == "P-256" ? "ES256" : key.algorithm.map(\.rawValue)
        case .octetKeyPair:
            return "EdDSA"
        default:
            return nil
        }
    }

    private static func make(_ key: TokenIssuer.Key) async throws -> TokenKey {
        let collection = JWTKeyCollection()
        let text = String(decoding: key.material, as: UTF8.self)
        switch key.algorithm {
        case .hs256: await collection.add(hmac: HMACKey(from: Data(key.material)), digestAlgorithm: .sha256)
        case .rs256: await collection.add(rsa: try Insecure.RSA.PublicKey(pem: text), digestAlgorithm: .sha256)
        case .es256: await collection.add(ecdsa: try ES256PublicKey(pem: text))
        case .eddsa: await collection.add(eddsa: try EdDSA.PublicKey(pem: text))
        }
        return TokenKey(algorithm: key.algorithm.rawValue, collection: collection)
    }

    /// - Throws: when the issuer does not answer with 200 in five seconds.
    @Sendable public static func download(_ url: String) async throws -> [UInt8] {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
        guard response.status == .ok else { throw Problem.unavailable("\(url) answers \(response.status.code)") }
        return Array(buffer: try await response.body.collect(upTo: maximumSetLength))
    }
}
