import Testing

/// The deployments for which the contract holds.
enum Deployment: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case oneProcessOnSQLite, oneProcessOnPostgres, threeProcessesOnSQLite, threeProcessesOnPostgres

    var testDescription: String { rawValue }

    /// Whether gateway, accounts and catalog run in separate processes.
    var isApart: Bool { self == .threeProcessesOnSQLite || self == .threeProcessesOnPostgres }
    var usesPostgres: Bool { self == .oneProcessOnPostgres || self == .threeProcessesOnPostgres }

    static let onPostgres = allCases.filter(\.usesPostgres)
    static let apart = allCases.filter(\.isApart)

    /// The platform that all tests share. Tests are independent: each creates its own users and products.
    func platform() async throws -> RunningPlatform { try await SharedPlatforms.shared.platform(self) }
}

/// Platforms are started on first use and stopped by the ``Reaper``.
private actor SharedPlatforms {
    static let shared = SharedPlatforms()

    private var starts: [Deployment: Task<RunningPlatform, any Error>] = [:]

    func platform(_ deployment: Deployment) async throws -> RunningPlatform {
        let start = starts[deployment] ?? Task { try await RunningPlatform.start(deployment) }
        starts[deployment] = start
        return try await start.value
    }
}
