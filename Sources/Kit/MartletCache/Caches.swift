public import MartletCore
public import MartletTelemetry

/// Makes the caches of a service.
public struct Caches: Sendable {
    private let service: String
    private let redis: CacheRedis?
    private let refresher: CacheRefresher?
    private let metrics: MetricsRegistry
    private let clock: MonotonicClock
    private let pause: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - service: the namespace of the caches, in Redis and in metrics.
    ///   - redis: shares the values with other processes; nil for the process's memory only.
    ///   - refresher: refreshes stale values in the background; nil to let a caller do it.
    ///   - pause: waits between two looks at a value that another process computes.
    public init(
        service: String, redis: CacheRedis? = nil, refresher: CacheRefresher? = nil, metrics: MetricsRegistry,
        clock: MonotonicClock = .system,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.service = service
        self.redis = redis
        self.refresher = refresher
        self.metrics = metrics
        self.clock = clock
        self.pause = pause
    }

    /// Makes a cache. Call it once for each name.
    /// - Parameters:
    ///   - name: letters, digits and underscores.
    ///   - version: the version of the values' format. Change it with the format: values of another version in Redis are
    ///     then ignored. Default: 1.
    public func make<Value: CacheValue>(
        _ name: String, of type: Value.Type = Value.self, version: Int = 1, _ policy: CachePolicy
    ) -> Cache<Value> {
        let metrics = CacheMetrics(metrics, service: service, cache: name)
        let shared = redis.map {
            SharedCache(
                $0, name: "\(service):\(name):\(version)", policy: policy, clock: clock,
                failureCounter: metrics.redisFailures)
        }
        return Cache(
            policy: policy, shared: shared, refresher: refresher, clock: clock, pause: pause, metrics: metrics)
    }
}
