public import Logging
import MartletCore

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

    private let configured: [TokenIssuer.Key]
    private let url: String?
    private let fetchSet: @Sendable (String) async throws -> [UInt8]
    private let refresher: KeyRefresher?
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private var fixed: [[UInt8]?: TokenKey]?
    private var fetched: [[UInt8]?: TokenKey] = [:]
    /// When the set was last asked for, and when it last came.
    private var lastFetch: ContinuousClock.Instant?
    private var lastSuccess: ContinuousClock.Instant?
    private var isFetching = false
    private var isRenewalAsked = false
    /// Those who wait for a fetch that another one is making.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter refresher: fetches the set when it has grown old; without one, who notices does it.
    public init(
        _ issuer: TokenIssuer, refresher: KeyRefresher? = nil, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetch: @escaping @Sendable (String) async throws -> [UInt8] = TokenKeys.download
    ) {
        configured = issuer.keys
        url = issuer.keySetURL
        self.refresher = refresher
        self.logger = logger
        self.now = now
        fetchSet = fetch
    }

    /// - Throws: ``Problem`` 401 for an unknown key, 503 when no keys can be had.
    func key(_ id: String?) async throws -> TokenKey {
        let name = id.map { Array($0.utf8) }
        let fixed = try await configuredKeys()
        if let key = fixed[name] { return key }
        guard url != nil else { throw Problem.invalidToken }
        if let key = fetched[name] {
            guard isOld, mayFetch, !isFetching, !isRenewalAsked else { return key }
            if refresher?.ask(self) == true {
                isRenewalAsked = true
                return key
            }
            await refresh()
        }
        // Again when whoever was fetching has given up.
        while fetched[name] == nil, mayFetch || isFetching { await refresh() }
        if let key = fetched[name] { return key }
        if fetched.isEmpty { throw Problem.unavailable("The token keys cannot be had.") }
        throw Problem.invalidToken
    }

    /// The key that the issuer has under an id now, after a token did not fit the one that was known.
    /// - Returns: nil when it has no other one, or may not be asked so soon.
    func renewedKey(_ id: String?) async -> TokenKey? {
        let name = id.map { Array($0.utf8) }
        guard url != nil, fixed?[name] == nil, mayFetch || isFetching else { return nil }
        await refresh()
        return fetched[name]
    }

    /// Fetches the set when it is old.
    func renew() async {
        isRenewalAsked = false
        if isOld, mayFetch { await refresh() }
    }

    private var isOld: Bool {
        guard let lastSuccess else { return false }
        return now() - lastSuccess >= Self.maximumAge
    }

    private var mayFetch: Bool {
        guard !Task.isCancelled else { return false }
        guard let lastFetch else { return true }
        return now() - lastFetch >= (fetched.isEmpty ? Self.startInterval : Self.refreshInterval)
    }

    private func configuredKeys() async throws -> [[UInt8]?: TokenKey] {
        if let fixed { return fixed }
        var keys: [[UInt8]?: TokenKey] = [:]
        for key in configured { keys[key.id.map { Array($0.utf8) }] = try await TokenKey(key) }
        fixed = keys
        return keys
    }

    /// Fetches the set, or waits for whoever is fetching it. Both find what has come of it in ``fetched``.
    private func refresh() async {
        if isFetching {
            await withCheckedContinuation { waiting.append($0) }
            return
        }
        guard let url else { return }
        isFetching = true
        do {
            let set = try await JWKSet(fetchSet(url))
            if set.passedOver > 0 {
                logger.info("keys of no use here are passed over", metadata: ["keys": "\(set.passedOver)"])
            }
            // A set of nothing is a mistake of the issuer's.
            if !set.keys.isEmpty { fetched = set.keys }
            lastSuccess = now()
            lastFetch = now()
        } catch {
            // When the request that was fetching has gone, those who wait with it have not: the next one fetches.
            if !Task.isCancelled { lastFetch = now() }
            logger.warning("cannot fetch the token keys", metadata: ["error": "\(error)"])
        }
        isFetching = false
        let others = waiting
        waiting = []
        for continuation in others { continuation.resume() }
    }

    /// Follows no redirects.
    /// - Throws: when the issuer does not answer with 200 in five seconds.
    @Sendable public static func download(_ url: String) async throws -> [UInt8] { try await KeySetDownload.get(url) }
}
