import MartletCore
import MartletData

/// Declares a job that runs at times of the clock: `Every("reconcile", "*/5 * * * *", Reconcile())`.
public struct Every<J: Job>: Sendable {
    var schedule: Schedule

    /// - Parameters:
    ///   - name: unique in the service. It identifies the schedule when its time or job changes.
    ///   - cron: minute, hour, day of month, month, day of week, as cron has them; see ``CronExpression``.
    ///   - job: a job that the service declares.
    ///   - timeZone: the time zone of the expression, by its IANA name: `Europe/Berlin`. Default: UTC.
    public init(_ name: String, _ cron: String, _ job: J, in timeZone: String = "UTC") {
        schedule = Schedule(
            name: name, cron: cron, timeZone: timeZone, kind: J.kind,
            enqueue: { messages, connection in _ = try await messages.enqueue(job, on: connection) })
    }

    /// Skips slots that were missed while nothing ran. By default the latest of them runs as soon as possible.
    public var skippingMissed: Every {
        var copy = self
        copy.schedule.skipsMissed = true
        return copy
    }
}

/// A declared schedule.
public struct Schedule: Sendable {
    let name: String
    let cron: String
    let timeZone: String
    let kind: String
    let enqueue: @Sendable (Messages, any Connection) async throws -> Void
    var skipsMissed = false
}

@resultBuilder
public enum ScheduleBuilder {
    public static func buildExpression<J: Job>(_ schedule: Every<J>) -> [Schedule] { [schedule.schedule] }
    public static func buildBlock(_ parts: [Schedule]...) -> [Schedule] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [Schedule]?) -> [Schedule] { part ?? [] }
}
