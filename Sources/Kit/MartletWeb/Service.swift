public import Logging
public import MartletCore
public import MartletData
public import MartletTelemetry
public import ServiceLifecycle

/// One business service: what it stores and what it offers. All of Martlet's services have this shape.
public protocol Service: Sendable {
    /// `catalog`: the name on the command line and in logs, of the SQLite file and of the PostgreSQL schema.
    static var name: String { get }
    /// What the service is, in a sentence.
    static var summary: String { get }
    /// The paths the gateway sends here, whole segments: `/api/products`.
    static var prefixes: [String] { get }
    static var migrations: [Migration] { get }

    @RouteBuilder var routes: [Route] { get }

    /// What runs beside the requests, and what must have been done before the first one.
    var background: [any ServiceLifecycle.Service] { get }
    func prepare() async throws
}

extension Service {
    public var background: [any ServiceLifecycle.Service] { [] }
    public func prepare() async throws {}
}

/// What a service is given to work with.
public struct Platform: Sendable {
    public let database: Database
    public let authenticator: Authenticator
    public let metrics: MetricsRegistry
    /// Where requests are recorded; nowhere when nil.
    public let spans: SpanRecorder?
    public let logger: Logger
    public let clock: WallClock
    public let monotonicClock: MonotonicClock

    public init(
        database: Database, authenticator: Authenticator, metrics: MetricsRegistry, spans: SpanRecorder? = nil,
        logger: Logger, clock: WallClock = .system, monotonicClock: MonotonicClock = .system
    ) {
        self.database = database
        self.authenticator = authenticator
        self.metrics = metrics
        self.spans = spans
        self.logger = logger
        self.clock = clock
        self.monotonicClock = monotonicClock
    }
}
