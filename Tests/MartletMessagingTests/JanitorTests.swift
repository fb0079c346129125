import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletMessaging

/// What is deleted and repaired, and when.
@Suite struct JanitorTests {
    private func janitor(_ service: TestService, _ clock: TestClock) -> Janitor {
        Janitor(
            database: service.database,
            time: DatabaseTime(service.database.dialect, testClock: clock.wallClock))
    }

    @Test(arguments: TestStore.allCases) func publishedEventsAreKeptByTheirAge(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            let messages = service.messages(clock: clock.wallClock)
            let outbox = OutboxStore(database: service.database, time: messages.time, source: "shop")
            try await service.emit(Counted(subject: "a", number: 1), through: messages)
            try await outbox.published(outbox.unpublished(atMost: 10), position: nil)
            clock.advance(bySeconds: 10 * 86_400)
            #expect(try await outbox.publishAgain() == 1)
            try await outbox.published(outbox.unpublished(atMost: 10), position: nil)
            clock.advance(bySeconds: 5 * 86_400)
            // Subscribers no longer remember it, so it must not come again.
            #expect(try await outbox.publishAgain() == 0)
            try await self.janitor(service, clock).clean()
            #expect(try await service.database.count("SELECT count(*) FROM outbox") == 0)
        }
    }

    @Test(arguments: TestStore.allCases) func unpublishedEventsAreKept(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            try await service.emit(
                Counted(subject: "a", number: 1), through: service.messages(clock: clock.wallClock))
            clock.advance(bySeconds: 400 * 86_400)
            try await self.janitor(service, clock).clean()
            #expect(try await service.database.count("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test(arguments: TestStore.allCases) func aLaneWithoutARunningJobGoesOn(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            let kind = On(Counted.self) { _, _, _ in }.kind
            let time = DatabaseTime(service.database.dialect, testClock: clock.wallClock)
            let inbox = InboxStore(
                database: service.database, time: time, handlers: [Counted.type: kind], orderedSources: ["shop"])
            let events = (1...3).map { (number: Int64) in
                Envelope(
                    id: "id \(number)", source: "shop", type: Counted.type, subject: "a", sequence: number,
                    time: clock.wallClock.now, data: "{}")
            }
            _ = try await inbox.store(events)
            let janitor = self.janitor(service, clock)
            #expect(try await janitor.repairLanes().isEmpty)
            try await service.database.execute("DELETE FROM jobs WHERE state = 'ready'")
            #expect(try await service.states() == ["blocked", "blocked"])
            #expect(try await janitor.repairLanes() == ["events"])
            #expect(try await service.states() == ["ready", "blocked"])
        }
    }
}
