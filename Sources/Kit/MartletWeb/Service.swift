public import MartletCore
public import MartletData
public import ServiceLifecycle

/// What runs beside the requests until the process shuts down.
public typealias BackgroundTask = ServiceLifecycle.Service

/// One business service: what it stores and what it offers. All services have this shape.
public protocol Service: Sendable {
    associatedtype Settings: SettingGroup = NoSettings

    /// `catalog`: the name on the command line and in logs, of the SQLite file and of the PostgreSQL schema.
    static var name: String { get }
    /// What the service is, in a sentence.
    static var summary: String { get }
    /// The paths the gateway sends here, whole segments: `/api/products`.
    static var prefixes: [String] { get }
    static var migrations: [Migration] { get }
    /// Whether the service signs the platform's access tokens and publishes their keys at `/.well-known/jwks.json`.
    /// Exactly one service of a platform does. Default: `false`.
    static var issuesTokens: Bool { get }
    /// The console's pages for this service, beyond those that the console is built with. Default: none.
    static var pages: [ConsolePage] { get }

    /// - Throws: ``ServiceError`` for settings that contradict each other, and for what the service needs and cannot have.
    init(_ platform: Platform, settings: Settings) throws

    @RouteBuilder var routes: [Route] { get }
    /// Default: nothing.
    var background: [any BackgroundTask] { get }
    /// What the person who starts the platform should know beside its address: `sign in as …`. Default: nothing.
    var greeting: String? { get }

    /// Runs once before the first request, when the migrations have run.
    /// - Throws: ``ServiceError``, which ends the start. A database that does not answer yet is waited for.
    func prepare() async throws
}

extension Service {
    public static var issuesTokens: Bool { false }
    public static var pages: [ConsolePage] { [] }
    public var background: [any BackgroundTask] { [] }
    public var greeting: String? { nil }
    public func prepare() async throws {}
}

/// Why a service cannot start; `description` is one line.
public struct ServiceError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
