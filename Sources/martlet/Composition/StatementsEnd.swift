import MartletData
import ServiceLifecycle

/// Sees to it that no statement keeps the process from ending: requests under way have a while for theirs.
struct StatementsEnd: ServiceLifecycle.Service {
    /// How long statements may still run when the process is to end.
    private static let grace = Duration.seconds(5)

    let databases: [Database]

    func run() async throws {
        try? await gracefulShutdown()
        for database in databases { database.endStatements(within: Self.grace) }
    }
}
