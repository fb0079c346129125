import MartletData
public import MartletMessaging

/// A service and its platform.
public struct HostedService: Sendable {
    public let service: any Service
    public let platform: Platform

    public init(_ service: any Service, _ platform: Platform) {
        self.service = service
        self.platform = platform
    }

    public var name: String { type(of: service).name }

    /// Creates or updates the tables that the kit keeps in the service's database. Call it after the service's own
    /// migrations.
    /// - Throws: the errors of ``Database/migrate(_:track:)``.
    public func migrateKitTables() async throws {
        try await MessagingService.migrate(platform.database)
        guard service.routes.contains(where: { $0.idempotency != nil }) else { return }
        try await platform.database.migrate(IdempotencyStore.migrations, track: IdempotencyStore.track)
    }

    /// Returns what runs the service's events, jobs and schedules.
    /// - Parameters:
    ///   - broker: carries its events to other services, and theirs to it.
    ///   - published: the types of all events that services of the platform publish.
    /// - Throws: ``MessagingError/invalidDeclaration(_:)``.
    public func messaging(
        through broker: any Broker, published: Set<String>, options: MessagingOptions = .init()
    ) throws -> MessagingService {
        try MessagingService(
            platform.messages,
            MessagingDeclaration(handlers: service.handlers, jobs: service.jobs, schedules: service.schedules),
            on: platform.database, through: broker, published: published, options: options, metrics: platform.metrics,
            spans: platform.spans, logger: platform.logger)
    }
}

extension HostedService {
    /// The routes of the service, and those that the platform adds to every service.
    public var routes: [Route] { service.routes + MessagingRoutes(self).all }
}

extension Service {
    /// The path prefixes of all routes of the service.
    public static var allPrefixes: [String] { prefixes + MessagingRoutes.roots.map { "\($0)/\(name)" } }
}
