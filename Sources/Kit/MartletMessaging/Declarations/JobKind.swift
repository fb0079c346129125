import MartletData

/// How a service runs one kind of job, or delivers one type of event. Made by ``Run`` and ``On``.
public struct JobKind: Sendable {
    /// ``Job/kind``, or ``Event/type``.
    public let name: String
    /// The newest version of the payload that this program understands. Jobs with a newer one are left for newer programs.
    public let version: Int
    public var queue: String
    /// How many jobs of the queue run at once in a process; nil to leave it to the queue.
    public var concurrency: Int?
    /// Lower numbers run first.
    public var priority = 5
    /// How often a job is tried before it is dead.
    public var attempts: Int
    /// How long an attempt may take.
    public var timeout = Duration.seconds(60)
    public var rate: RateLimit?
    var uniqueKey: (@Sendable (any Job) -> String?)?
    var isCoalesced = false
    var isUnordered = false
    let body: Body

    enum Body: Sendable {
        case job(@Sendable (JobRun) async throws -> Void)
        /// Runs within the transaction that also finishes the delivery.
        case delivery(@Sendable (Delivery, any Connection) async throws -> Void)
    }

    /// A number of starts in a period, on average and at once, counted over all processes.
    public struct RateLimit: Sendable, Equatable {
        public let count: Int
        public let period: Duration
    }

    var isDelivery: Bool { if case .delivery = body { true } else { false } }
}

/// A period of a rate limit.
public enum RatePeriod: Sendable {
    case second, minute, hour, day

    var duration: Duration {
        switch self {
        case .second: .seconds(1)
        case .minute: .seconds(60)
        case .hour: .seconds(3600)
        case .day: .seconds(86_400)
        }
    }
}

/// The declaration of a job or a handler, with what they have in common.
public protocol JobDeclaration: Sendable {
    var kind: JobKind { get set }
}

extension JobDeclaration {
    func with(_ change: (inout JobKind) -> Void) -> Self {
        var copy = self
        change(&copy.kind)
        return copy
    }

    /// Puts the jobs into a queue.
    /// - Parameter concurrency: how many jobs of the queue run at once in a process. Default: 10.
    public func queue(_ name: String, concurrency: Int? = nil) -> Self {
        with {
            $0.queue = name
            $0.concurrency = concurrency ?? $0.concurrency
        }
    }

    /// Jobs with lower numbers run first. Default: 5.
    public func priority(_ priority: Int) -> Self { with { $0.priority = priority } }

    /// How often a job is tried before it is dead, with growing waits of at most ten minutes. Default: 20.
    public func attempts(_ count: Int) -> Self { with { $0.attempts = count } }

    /// How long an attempt may take. Then its task is cancelled, and the attempt has failed. Default: 60 seconds.
    public func timeout(_ timeout: Duration) -> Self { with { $0.timeout = timeout } }

    /// Starts `count` jobs in a period on average, in all processes together, and at most as many at once (a token bucket).
    public func rate(_ count: Int, per period: RatePeriod) -> Self {
        with { $0.rate = JobKind.RateLimit(count: count, period: period.duration) }
    }
}
