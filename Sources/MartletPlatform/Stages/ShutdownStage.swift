import MartletData
import ServiceLifecycle

/// Keeps statements from holding up the end of the process. The last stage: it is told first that the process is to end.
struct ShutdownStage: Stage {
    private let deadline: StatementDeadline

    init(_ databases: DatabaseStage) { deadline = StatementDeadline(databases: databases.all) }

    var tasks: [StageTask] { [StageTask("statements", deadline)] }
}

private struct StatementDeadline: ServiceLifecycle.Service {
    /// How long the statements of requests under way may still run.
    private static let grace = Duration.seconds(5)

    let databases: [Database]

    func run() async throws {
        try? await gracefulShutdown()
        for database in databases { database.endStatements(within: Self.grace) }
    }
}
