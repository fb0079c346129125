public import Logging
public import MartletClient
public import MartletCore
public import MartletData
public import MartletTelemetry

/// What a service may use.
public struct Platform: Sendable {
    /// The service's own: a SQLite file or a PostgreSQL schema.
    public let database: Database
    public let authenticator: Authenticator
    public let metrics: MetricsRegistry
    /// Records requests; nil when nothing is traced.
    public let spans: SpanRecorder?
    public let logger: Logger
    public let clock: WallClock
    public let monotonicClock: MonotonicClock
    /// The data folder, for files of the service's own. Only its owner can read it.
    public let folder: String
    private let clients: @Sendable (String) throws(ServiceError) -> ServiceClient
    private let announcement: @Sendable (String) -> Void

    /// - Parameters:
    ///   - clients: makes the client of another service, by name.
    ///   - announce: shows a line to the person who starts the platform.
    public init(
        database: Database, authenticator: Authenticator, metrics: MetricsRegistry, spans: SpanRecorder? = nil,
        logger: Logger, clock: WallClock = .system, monotonicClock: MonotonicClock = .system, folder: String,
        announce: @escaping @Sendable (String) -> Void = { _ in },
        clients: @escaping @Sendable (String) throws(ServiceError) -> ServiceClient = { name throws(ServiceError) in
            throw ServiceError("there is no service '\(name)'")
        }
    ) {
        self.database = database
        self.authenticator = authenticator
        self.metrics = metrics
        self.spans = spans
        self.logger = logger
        self.clock = clock
        self.monotonicClock = monotonicClock
        self.folder = folder
        self.clients = clients
        announcement = announce
    }

    /// The client of another service, wherever that runs. Ask for it in the service's initializer.
    /// - Throws: ``ServiceError`` when the platform has no such service, or no address of it.
    public func client(of service: String) throws(ServiceError) -> ServiceClient { try clients(service) }

    /// Shows a line on standard output to the person who starts the platform: a generated password that stands nowhere
    /// else. Everything else belongs into the log.
    public func announce(_ line: String) { announcement(line) }
}
