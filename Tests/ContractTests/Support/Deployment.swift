import Testing

/// The ways to run the platform that the contract holds for.
enum Deployment: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case oneProcessOnSQLite, oneProcessOnPostgres, threeProcessesOnSQLite, threeProcessesOnPostgres

    var testDescription: String { rawValue }

    /// Whether gateway, accounts and catalog are processes of their own.
    var isApart: Bool { self == .threeProcessesOnSQLite || self == .threeProcessesOnPostgres }
    var usesPostgres: Bool { self == .oneProcessOnPostgres || self == .threeProcessesOnPostgres }

    static let onPostgres = allCases.filter(\.usesPostgres)
    static let apart = allCases.filter(\.isApart)

    /// The platform that all tests share. They leave each other alone: each makes users and products of its own.
    func platform() async throws -> RunningPlatform { try await SharedPlatforms.shared.platform(self) }
}

/// Started when the first test asks, stopped by the ``Reaper``.
private actor SharedPlatforms {
    static let shared = SharedPlatforms()

    private var starts: [Deployment: Task<RunningPlatform, any Error>] = [:]

    func platform(_ deployment: Deployment) async throws -> RunningPlatform {
        let start = starts[deployment] ?? Task { try await RunningPlatform.start(deployment) }
        starts[deployment] = start
        return try await start.value
    }
}
