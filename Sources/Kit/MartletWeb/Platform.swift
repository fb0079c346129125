public import Logging
public import MartletCache
public import MartletClient
public import MartletCore
public import MartletData
public import MartletMessaging
public import MartletTelemetry

/// The resources of the platform that a service can use.
public struct Platform: Sendable {
    /// The service's own database: a SQLite file or a PostgreSQL schema.
    public let database: Database
    /// Emits the service's events and enqueues its jobs.
    public let messages: Messages
    public let authenticator: Authenticator
    public let metrics: MetricsRegistry
    /// Records the spans of requests; nil when tracing is off.
    public let spans: SpanRecorder?
    public let logger: Logger
    public let clock: WallClock
    public let monotonicClock: MonotonicClock
    /// Makes the service's caches.
    public let caches: Caches
    /// The data folder, for the service's own files. Only its owner can read it.
    public let folder: String
    private let clients: @Sendable (String) throws(ServiceError) -> ServiceClient
    private let announcement: @Sendable (String) -> Void

    /// - Parameters:
    ///   - caches: nil for caches in the process's memory only.
    ///   - clients: returns a client for another service, by name.
    ///   - announce: prints a line for the person who starts the platform.
    public init(
        database: Database, messages: Messages, authenticator: Authenticator, metrics: MetricsRegistry,
        spans: SpanRecorder? = nil,
        logger: Logger, clock: WallClock = .system, monotonicClock: MonotonicClock = .system, caches: Caches? = nil,
        folder: String,
        announce: @escaping @Sendable (String) -> Void = { _ in },
        clients: @escaping @Sendable (String) throws(ServiceError) -> ServiceClient = { name throws(ServiceError) in
            throw ServiceError("there is no service '\(name)'")
        }
    ) {
        self.database = database
        self.messages = messages
        self.authenticator = authenticator
        self.metrics = metrics
        self.spans = spans
        self.logger = logger
        self.clock = clock
        self.monotonicClock = monotonicClock
        self.caches = caches ?? Caches(service: "service", metrics: metrics, clock: monotonicClock)
        self.folder = folder
        self.clients = clients
        announcement = announce
    }

    /// Returns a client for another service, wherever it runs. Call it in the service's initializer.
    /// - Throws: ``ServiceError`` when the platform has no such service or does not know its address.
    public func client(of service: String) throws(ServiceError) -> ServiceClient { try clients(service) }

    /// Prints a line on standard output for the person who starts the platform, such as a generated password that is
    /// stored nowhere else. Everything else belongs in the log.
    public func announce(_ line: String) { announcement(line) }
}
