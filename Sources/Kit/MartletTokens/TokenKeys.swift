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
/// The set is fetched when a token names a key that is not known, at most once in ``refreshInterval``: a flood of
/// made-up key ids must not become a flood of fetches. While the issuer is away its last good keys serve on; while
/// there are none yet, because the issuer is still starting, it is asked once in ``startInterval``.
public actor TokenKeys {
    public static let refreshInterval = Duration.seconds(10)
    public static let startInterval = Duration.seconds(1)
    private static let maximumSetLength = 1 << 20

    private let configured: [TokenIssuer.Key]
    private let url: String?
    private let fetchSet: @Sendable (String) async throws -> [UInt8]
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private var fixed: [String?: TokenKey]?
    private var fetched: [String?: TokenKey] = [:]
    private var lastFetch: ContinuousClock.Instant?
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
        if let key = fixed[id] ?? fetched[id] { return key }
        guard url != nil else { throw Problem.invalidToken }
        let interval = fetched.isEmpty ? Self.startInterval : Self.refreshInterval
        let mayFetch = lastFetch.map { now() - $0 >= interval } ?? true
        if mayFetch || fetch != nil {
            do {
                try await refresh()
            } catch {
                logger.warning("cannot fetch the token keys", metadata: ["error": "\(error)"])
                if fetched.isEmpty { throw Problem.unavailable("The token keys cannot be had.") }
            }
        } else if fetched.isEmpty {
            throw Problem.unavailable("The token keys cannot be had.")
        }
        guard let key = fetched[id] else { throw Problem.invalidToken }
        return key
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
        defer { fetch = nil }
        try await task.value
    }

    private func load() async throws {
        guard let url else { return }
        lastFetch = now()
        let body = try await fetchSet(url)
        guard body.count <= Self.maximumSetLength else { throw Problem.unavailable("The key set is too long.") }
        let set = try JSONDecoder().decode(JWKS.self, from: Data(body))
        var found: [String?: TokenKey] = [:]
        for key in set.keys {
            guard let algorithm = Self.algorithm(of: key) else { continue }
            var key = key
            if key.algorithm == nil { key.algorithm = JWK.Algorithm(rawValue: algorithm) }
            guard let collection = try? await JWTKeyCollection().add(jwk: key) else { continue }
            found[key.keyIdentifier?.string] = TokenKey(algorithm: algorithm, collection: collection)
        }
        if !found.isEmpty { fetched = found }
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
