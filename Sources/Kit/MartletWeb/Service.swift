public import MartletCore
public import MartletData
public import MartletMessaging
public import ServiceLifecycle

/// A task that runs in the background until shutdown.
public typealias BackgroundTask = ServiceLifecycle.Service

/// A business service: its data and its routes. All services have this shape.
public protocol Service: Sendable {
    associatedtype Settings: SettingGroup = NoSettings

    /// The name on the command line, in logs, of the SQLite file and of the PostgreSQL schema: `catalog`.
    static var name: String { get }
    /// A one-sentence description of the service.
    static var summary: String { get }
    /// The path prefixes that the gateway routes to the service, in whole segments: `/api/products`.
    static var prefixes: [String] { get }
    static var migrations: [Migration] { get }
    /// The events that the service publishes. Default: none.
    static var events: [any Event.Type] { get }
    /// Whether the service signs the platform's access tokens and publishes their keys at `/.well-known/jwks.json`.
    /// Exactly one service of a platform does. Default: `false`.
    static var issuesTokens: Bool { get }
    /// The service's console pages, in addition to those built into the console. Default: none.
    static var pages: [ConsolePage] { get }

    /// - Throws: ``ServiceError`` for contradictory settings or a missing prerequisite.
    init(_ platform: Platform, settings: Settings) throws

    @RouteBuilder var routes: [Route] { get }
    /// What the service does when it hears an event. Default: nothing.
    @HandlerBuilder var handlers: [Handler] { get }
    /// The jobs that the service runs in the background. Default: none.
    @JobBuilder var jobs: [JobKind] { get }
    /// The jobs that run at times of the clock. Default: none.
    @ScheduleBuilder var schedules: [Schedule] { get }
    /// Tasks that run besides the requests. Default: none.
    var background: [any BackgroundTask] { get }
    /// A line printed after the platform's address at the start: `sign in as …`. Default: none.
    var greeting: String? { get }

    /// Runs after the migrations and before the first request. It runs again if the database becomes unavailable meanwhile,
    /// so it must be repeatable.
    /// - Throws: ``ServiceError``, which aborts the start. The platform waits up to 30 seconds for an unavailable database.
    func prepare() async throws
}

extension Service {
    public static var events: [any Event.Type] { [] }
    public static var issuesTokens: Bool { false }
    public static var pages: [ConsolePage] { [] }
    public var handlers: [Handler] { [] }
    public var jobs: [JobKind] { [] }
    public var schedules: [Schedule] { [] }
    public var background: [any BackgroundTask] { [] }
    public var greeting: String? { nil }
    public func prepare() async throws {}
}

/// The reason a service cannot start. `description` is one line.
public struct ServiceError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
