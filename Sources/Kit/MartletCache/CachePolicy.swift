/// How long and how much a cache keeps.
public struct CachePolicy: Sendable {
    /// How long a value is returned, from the start of its computation.
    public var fresh: Duration
    /// How long after that the value is still returned, while a new one is computed in the background. Default: zero.
    public var stale: Duration
    /// The maximum number of values in the process. Default: 1,000.
    public var maximumCount = 1000
    /// The maximum size of the values in the process, in bytes. It also bounds what the process adds to Redis. Default:
    /// 8 MiB.
    public var maximumBytes = 8 << 20
    /// Values with longer keys are not cached. Default: 1,024 bytes.
    public var maximumKeyBytes = 1024
    /// With Redis: how long the process returns its own copy before it asks Redis whether the value was forgotten.
    /// Default: 1 second.
    public var confirmation: Duration = .seconds(1)
    /// With Redis: how long one process has to compute a value while the others wait for it. Default: 2 seconds.
    public var lease: Duration = .seconds(2)

    public init(fresh: Duration, stale: Duration = .zero) {
        self.fresh = fresh
        self.stale = stale
    }

    /// The greatest age of a value.
    var lifetime: Duration { fresh + stale }

    /// How long after an attempt to refresh a stale value the next one begins.
    var retryPause: Duration { min(fresh, .seconds(1)) }
}
