public import Logging
import MartletCore

/// The keys of one issuer: those from the configuration and those of its JWK set (RFC 7517).
///
/// The set is fetched when a token names an unknown key or does not match its key, at most once per
/// ``refreshInterval``, so that forged tokens cannot cause a flood of requests. It is also refreshed in the background
/// after ``maximumAge``, so that a withdrawn key stops being accepted. While the issuer is unreachable, its last keys
/// stay valid; before the first keys, for example during start-up, it is retried once per ``startInterval``.
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
    /// The times of the last attempt and the last success.
    private var lastFetch: ContinuousClock.Instant?
    private var lastSuccess: ContinuousClock.Instant?
    private var isFetching = false
    private var isRenewalScheduled = false
    /// The callers that wait for a fetch in progress.
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter refresher: refreshes a stale set in the background. Without one, the request that finds it does.
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

    /// - Throws: ``Problem`` 401 for an unknown key, 503 when no keys are available.
    func key(_ id: String?) async throws -> TokenKey {
        let name = id.map { Array($0.utf8) }
        let fixed = try await configuredKeys()
        if let key = fixed[name] { return key }
        guard url != nil else { throw Problem.invalidToken }
        if let key = fetched[name] {
            guard isOld, mayFetch, !isFetching, !isRenewalScheduled else { return key }
            if refresher?.schedule(self) == true {
                isRenewalScheduled = true
                return key
            }
            await refresh()
        }
        // Retry if the fetching task was cancelled.
        while fetched[name] == nil, mayFetch || isFetching { await refresh() }
        if let key = fetched[name] { return key }
        if fetched.isEmpty { throw Problem.unavailable("The token keys are unavailable.") }
        throw Problem.invalidToken
    }

    /// Fetches the set again and returns the key for an id, after a token did not match the known key.
    /// - Returns: nil when there is no such key, or the last fetch was too recent.
    func renewedKey(_ id: String?) async -> TokenKey? {
        let name = id.map { Array($0.utf8) }
        guard url != nil, fixed?[name] == nil, mayFetch || isFetching else { return nil }
        await refresh()
        return fetched[name]
    }

    /// Fetches the set if it is stale.
    func renew() async {
        isRenewalScheduled = false
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

    /// Fetches the set, or waits for a fetch in progress. The result is in ``fetched``.
    private func refresh() async {
        if isFetching {
            await withCheckedContinuation { waiting.append($0) }
            return
        }
        guard let url else { return }
        isFetching = true
        do {
            let set = try await JWKSet(fetchSet(url))
            if set.ignored > 0 {
                logger.info("unsupported token keys ignored", metadata: ["keys": "\(set.ignored)"])
            }
            // An empty set is an error of the issuer. Keep the last keys.
            if !set.keys.isEmpty { fetched = set.keys }
            lastSuccess = now()
            lastFetch = now()
        } catch {
            // If only the fetching task was cancelled, a waiting one must be able to fetch.
            if !Task.isCancelled { lastFetch = now() }
            logger.warning("cannot fetch the token keys", metadata: ["error": "\(error)"])
        }
        isFetching = false
        let others = waiting
        waiting = []
        for continuation in others { continuation.resume() }
    }

    /// Downloads a key set without following redirects.
    /// - Throws: when the issuer does not respond with 200 within five seconds.
    @Sendable public static func download(_ url: String) async throws -> [UInt8] { try await KeySetDownload.get(url) }
}
