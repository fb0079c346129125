import MartletData
import ServiceLifecycle

/// Ends long statements, so that they do not delay the shutdown. The last stage, so the shutdown reaches it first.
struct ShutdownStage: Stage {
    private let deadline: StatementDeadline

    init(_ databases: DatabaseStage) { deadline = StatementDeadline(databases: databases.all) }

    var tasks: [StageTask] { [StageTask("statements", deadline)] }
}

private struct StatementDeadline: ServiceLifecycle.Service {
    /// How long the statements of pending requests may still run.
    private static let grace = Duration.seconds(5)

    let databases: [Database]

    func run() async throws {
        try? await gracefulShutdown()
        for database in databases { database.endStatements(within: Self.grace) }
    }
}
