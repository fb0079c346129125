import MartletCore
import MartletData
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletMessaging

/// What is declared wrong stops the start with a line that names it.
@Suite struct DeclarationTests {
    private struct Foreign: Event {
        static let type = "billing.invoice_paid"
        static let isPublishedOutside = true
        var subject: String { "a" }
    }

    private struct Unknown: Event {
        static let type = "nobody.said"
        var subject: String { "a" }
    }

    private func error(_ declaration: MessagingDeclaration) async throws -> String? {
        try await TestStore.sqlite.withService { service in
            let error = await #expect(throws: MessagingError.self) {
                try await service.run(declaration) { _ in }
            }
            return error?.description
        }
    }

    private let run = Run(Work.self) { _, _ in }
    private let on = On(Counted.self) { _, _, _ in }

    @Test func namesWhatIsDeclaredTwice() async throws {
        #expect(try await error(.init(jobs: [run.kind, run.kind])) == "shop: two jobs of the kind 'work'")
        let handlers = HandlerBuilder.buildBlock(HandlerBuilder.buildExpression(on), HandlerBuilder.buildExpression(on))
        #expect(try await error(.init(handlers: handlers)) == "shop: two handlers of 'shop.counted'")
        let every = ScheduleBuilder.buildExpression(Every("nightly", "0 3 * * *", Work(name: "")))
        #expect(
            try await error(.init(jobs: [run.kind], schedules: every + every)) == "shop: two schedules called 'nightly'"
        )
    }

    @Test func namesAnEventThatNobodyPublishes() async throws {
        let unknown = HandlerBuilder.buildExpression(On(Unknown.self) { _, _, _ in })
        #expect(try await error(.init(handlers: unknown)) == "shop: no service publishes the event 'nobody.said'")
    }

    @Test func acceptsAnEventFromOutside() async throws {
        let foreign = HandlerBuilder.buildExpression(On(Foreign.self) { _, _, _ in })
        try await TestStore.sqlite.withService { try await $0.run(.init(handlers: foreign)) { _ in } }
    }

    @Test func namesAScheduleThatIsWrong() async throws {
        let noCron = ScheduleBuilder.buildExpression(Every("nightly", "every night", Work(name: "")))
        let cron = try await error(.init(jobs: [run.kind], schedules: noCron))
        #expect(cron?.hasPrefix("shop: the schedule 'nightly': ") == true)
        let noZone = ScheduleBuilder.buildExpression(Every("nightly", "0 3 * * *", Work(name: ""), in: "Mars/Base"))
        #expect(try await error(.init(jobs: [run.kind], schedules: noZone))?.contains("Mars/Base") == true)
        let noJob = ScheduleBuilder.buildExpression(Every("nightly", "0 3 * * *", Work(name: "")))
        #expect(
            try await error(.init(schedules: noJob))
                == "shop: the schedule 'nightly' runs 'work', which is not among the jobs")
    }

    @Test func namesLimitsThatAreNone() async throws {
        #expect(try await error(.init(jobs: [run.attempts(0).kind])) == "shop: 'work' needs at least one attempt")
        #expect(try await error(.init(jobs: [run.timeout(.zero).kind])) == "shop: 'work' needs a timeout above zero")
        #expect(
            try await error(.init(jobs: [run.rate(0, per: .day).kind])) == "shop: 'work' needs a rate of at least 1")
    }
}
