/// Declares a job: `Run(SendWelcome.self, use: sendWelcome).queue("mail").attempts(12)`.
///
/// The handler runs outside any transaction. Its effects on the service's own database belong into ``JobRun/finish(_:)``,
/// whose transaction also ends the job; effects elsewhere may happen twice after a crash.
public struct Run<J: Job>: JobDeclaration {
    public var kind: JobKind

    public init(_ type: J.Type = J.self, use handler: @escaping @Sendable (J, JobRun) async throws -> Void) {
        kind = JobKind(
            name: J.kind, version: J.version, queue: "default", attempts: 20,
            body: .job { run in
                try await handler(Payload.decode(J.self, from: run.job.data, version: run.job.version), run)
            })
    }

    /// Keeps at most one unfinished job for each key: enqueueing another returns ``Enqueued/duplicate(_:)``.
    public func unique(_ key: @escaping @Sendable (J) -> some CustomStringConvertible) -> Run {
        with { $0.uniqueKey = { job in (job as? J).map { "\(key($0))" } } }
    }

    /// Keeps at most one unfinished job of the kind.
    public var unique: Run { unique { _ in "" } }

    /// A job that is enqueued while one of the same key runs makes it run once more, with the latest arguments. Jobs without
    /// ``unique(_:)`` have one key.
    public var coalesced: Run {
        with {
            $0.uniqueKey = $0.uniqueKey ?? { _ in "" }
            $0.isCoalesced = true
        }
    }
}

@resultBuilder
public enum JobBuilder {
    public static func buildExpression(_ job: some JobDeclaration) -> [JobKind] { [job.kind] }
    public static func buildExpression(_ jobs: [JobKind]) -> [JobKind] { jobs }
    public static func buildBlock(_ parts: [JobKind]...) -> [JobKind] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [JobKind]?) -> [JobKind] { part ?? [] }
}
