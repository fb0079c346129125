import MartletData

/// A service and its platform.
public struct HostedService: Sendable {
    public let service: any Service
    public let platform: Platform

    public init(_ service: any Service, _ platform: Platform) {
        self.service = service
        self.platform = platform
    }

    public var name: String { type(of: service).name }

    /// Creates or updates the tables that the kit keeps in the service's database for its routes. Call it after the
    /// service's own migrations.
    /// - Throws: the errors of ``Database/migrate(_:track:)``.
    public func migrateKitTables() async throws {
        guard service.routes.contains(where: { $0.idempotency != nil }) else { return }
        try await platform.database.migrate(IdempotencyStore.migrations, track: IdempotencyStore.track)
    }
}
