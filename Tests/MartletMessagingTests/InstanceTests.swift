import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletMessaging

/// Several processes, and what happens when one dies.
@Suite struct InstanceTests {
    private func store(_ service: TestService, _ instance: String) -> JobStore {
        JobStore(database: service.database, time: DatabaseTime(service.database.dialect), instance: instance)
    }

    @Test(arguments: TestStore.allCases) func aClaimIsFenced(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = Run(Work.self) { _, _ in }.kind
            let messages = service.messages()
            messages.know([kind])
            try await service.enqueue(Work(name: "x"), through: messages)
            let first = self.store(service, "first")
            let second = self.store(service, "second")
            let claimed = try await first.claim(10, from: "default", [kind])
            let job = try #require(claimed.first)
            #expect(try await second.claim(10, from: "default", [kind]).isEmpty)
            // Another process takes the job away, believing the first dead.
            try await service.database.execute("UPDATE jobs SET state = 'ready', claimed_by = NULL")
            let again = try #require(try await second.claim(10, from: "default", [kind]).first)
            #expect(again.attempt == 2)
            await #expect(throws: MessagingError.leaseLost) { try await first.finish(job) { _ in } }
            #expect(try await first.finish([job]).isEmpty)
            #expect(try await !first.fail(job, JobFailures(nil), retryAfter: nil))
            #expect(try await second.finish([again]) == [again.id])
            #expect(try await service.finished() == 1)
        }
    }

    @Test(arguments: TestStore.allCases) func theJobsOfADeadProcessRunElsewhere(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = Run(Work.self) { _, _ in }.kind
            let messages = service.messages()
            messages.know([kind])
            try await service.enqueue(Work(name: "x"), through: messages)
            _ = try await self.store(service, "dead").claim(10, from: "default", [kind])
            try await service.run(.init(jobs: [kind])) { _ in
                try await eventually("done") { try await service.finished() == 1 }
            }
        }
    }

    @Test(arguments: TestStore.allCases) func aJobThatKillsItsProcessThreeTimesIsDead(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = Run(Work.self) { _, _ in }.kind
            let messages = service.messages()
            messages.know([kind])
            try await service.enqueue(Work(name: "x"), through: messages)
            let instances = InstanceStore(
                database: service.database, time: DatabaseTime(service.database.dialect), instance: "living",
                deadAfter: .seconds(30))
            try await instances.beat()
            for crash in 1...3 {
                let claimed = try await self.store(service, "victim \(crash)").claim(1, from: "default", [kind])
                #expect(claimed.count == 1)
                #expect(try await instances.rescue().map(\.state) == [crash == 3 ? "dead" : "ready"])
            }
            #expect(try await service.states() == ["dead"])
            let errors = try await service.database.value(String.self, "SELECT errors FROM jobs")
            #expect(errors?.contains("the process died 3 times") == true)
        }
    }

    @Test func oneInstanceLeadsAndAnotherTakesOver() async throws {
        let clock = TestClock()
        try await TestStore.postgres.withService { service in
            let time = DatabaseTime(.postgres, testClock: clock.wallClock)
            func instance(_ name: String) -> InstanceStore {
                InstanceStore(database: service.database, time: time, instance: name, deadAfter: .seconds(30))
            }
            let (first, second) = (instance("first"), instance("second"))
            try await first.beat()
            try await second.beat()
            #expect(try await first.lead())
            #expect(try await !second.lead())
            #expect(try await second.look().leader == "first")
            clock.advance(bySeconds: 20)
            try await second.beat()
            clock.advance(bySeconds: 20)
            #expect(try await second.look().leader == nil)
            #expect(try await second.lead())
            // The first comes back and sees that it leads no more.
            try await first.beat()
            #expect(try await first.look().leader == "second")
            try await second.leave()
            #expect(try await first.lead())
        }
    }

    @Test func severalProcessesRunEachJobOnce() async throws {
        try await TestStore.postgres.withService { service in
            let seen = Shared<[String: Int]>([:])
            let kind = Run(Work.self) { job, _ in seen.change { $0[job.name, default: 0] += 1 } }.kind
            try await service.run(.init(jobs: [kind])) { messages in
                try await service.run(.init(jobs: [kind])) { _ in
                    try await service.database.transaction { connection in
                        for number in 0..<300 { try await messages.enqueue(Work(name: "\(number)"), on: connection) }
                    }
                    try await eventually("done") { try await service.finished() == 300 }
                }
            }
            #expect(seen.value.count == 300)
            #expect(seen.value.values.allSatisfy { $0 == 1 })
        }
    }
}
