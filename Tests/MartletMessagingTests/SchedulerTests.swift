import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletMessaging

/// Schedules: once for each slot, also when the leader changes.
@Suite struct SchedulerTests {
    /// 2027-01-15T08:00:00Z, a full hour.
    private let start = Timestamp(microseconds: 1_800_000_000_000_000)

    private func scheduler(_ service: TestService, _ clock: TestClock, _ schedules: [Schedule]) throws -> Scheduler {
        let messages = service.messages(clock: clock.wallClock)
        messages.register([Run(Work.self) { _, _ in }.kind])
        return try Scheduler(schedules, messages: messages, database: service.database, time: messages.time)
    }

    private func jobs(_ service: TestService) async throws -> Int {
        try await service.database.count("SELECT count(*) FROM jobs")
    }

    @Test(arguments: TestStore.allCases) func aSlotFiresOnceWhenTheLeaderChanges(_ store: TestStore) async throws {
        let clock = TestClock(start)
        try await store.withService { service in
            let every = ScheduleBuilder.buildExpression(Every("x", "*/5 * * * *", Work(name: "x")))
            let first = try scheduler(service, clock, every)
            let second = try scheduler(service, clock, every)
            // A new schedule begins now; its next slot is in five minutes.
            #expect(try await first.fire(at: start) == start.advanced(bySeconds: 300))
            #expect(try await jobs(service) == 0)
            clock.advance(bySeconds: 301)
            let now = clock.wallClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for scheduler in [first, second, first, second] {
                    group.addTask { _ = try await scheduler.fire(at: now) }
                }
                try await group.waitForAll()
            }
            #expect(try await jobs(service) == 1)
            clock.advance(bySeconds: 300)
            _ = try await second.fire(at: clock.wallClock.now)
            #expect(try await jobs(service) == 2)
        }
    }

    @Test(arguments: TestStore.allCases) func missedSlotsRunOnceOrNotAtAll(_ store: TestStore) async throws {
        let clock = TestClock(start)
        try await store.withService { service in
            let once = ScheduleBuilder.buildExpression(Every("once", "*/5 * * * *", Work(name: "once")))
            let never = ScheduleBuilder.buildExpression(
                Every("never", "*/5 * * * *", Work(name: "never")).skippingMissed)
            let scheduler = try scheduler(service, clock, once + never)
            _ = try await scheduler.fire(at: clock.wallClock.now)
            // Nothing ran for an hour and two minutes.
            clock.advance(bySeconds: 3720)
            _ = try await scheduler.fire(at: clock.wallClock.now)
            let data = try await service.database.values(String.self, "SELECT data FROM jobs")
            #expect(data == [#"{"name":"once"}"#])
            // The next slot is on time for both.
            clock.advance(bySeconds: 190)
            _ = try await scheduler.fire(at: clock.wallClock.now)
            #expect(try await jobs(service) == 3)
        }
    }

    @Test(arguments: TestStore.allCases) func runsWithTheService(_ store: TestStore) async throws {
        let clock = TestClock(start)
        try await store.withService { service in
            let done = Shared(0)
            let declaration = MessagingDeclaration(
                jobs: [Run(Work.self) { _, _ in _ = done.next() }.kind],
                schedules: ScheduleBuilder.buildExpression(Every("x", "0 * * * *", Work(name: "x"))))
            try await service.run(declaration, clock: clock.wallClock) { _ in
                try await eventually("the beginning") {
                    try await service.database.exists("SELECT 1 FROM schedule_slots")
                }
                clock.advance(bySeconds: 3600)
                try await eventually("the slot") { done.value == 1 }
            }
        }
    }
}
