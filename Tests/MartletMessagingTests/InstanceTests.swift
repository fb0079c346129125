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
            messages.register([kind])
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

    /// The attempts of a job are counted anew when it is asked for again; the fence is not.
    @Test(arguments: TestStore.allCases) func aLateEndIsFencedInTheSameProcessToo(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = Run(Work.self) { _, _ in }.coalesced.kind
            let messages = service.messages()
            messages.register([kind])
            try await service.enqueue(Work(name: "old"), through: messages)
            let jobs = self.store(service, "only")
            let first = try #require(try await jobs.claim(1, from: "default", [kind]).first)
            _ = try await jobs.fail(first, JobFailures(nil), retryAfter: .zero)
            try await service.enqueue(Work(name: "new"), through: messages)
            try await service.database.execute("UPDATE jobs SET state = 'ready'")
            let second = try #require(try await jobs.claim(1, from: "default", [kind]).first)
            #expect(second.attempt == first.attempt)
            await #expect(throws: MessagingError.leaseLost) { try await jobs.finish(first) { _ in } }
            #expect(try await jobs.finish([second]) == [second.id])
        }
    }

    @Test(arguments: TestStore.allCases) func theJobsOfADeadProcessRunElsewhere(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = Run(Work.self) { _, _ in }.kind
            let messages = service.messages()
            messages.register([kind])
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
            messages.register([kind])
            try await service.enqueue(Work(name: "x"), through: messages)
            let instances = InstanceStore(
                database: service.database, time: DatabaseTime(service.database.dialect), instance: "living",
                deadAfter: .seconds(30))
            try await instances.beat()
            for crash in 1...3 {
                let victim = self.store(service, "victim \(crash)")
                // The third time it runs alone.
                let claimed =
                    crash < 3
                    ? try await victim.claim(1, from: "default", [kind]).first
                    : try await victim.claimLastChance([kind])
                #expect(claimed != nil)
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

    @Test(arguments: TestStore.allCases) func aClaimWhoseAnswerIsLostIsRepeated(_ store: TestStore) async throws {
        try await store.withService { service in
            let run = Run(Work.self) { _, _ in }
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await eventually("a heartbeat") {
                    try await service.database.count("SELECT count(*) FROM instances") == 1
                }
                try await service.database.transaction { connection in
                    try await messages.enqueue(Work(name: "x"), on: connection)
                    try await connection.execute(
                        """
                        UPDATE jobs SET state = 'running', attempt = 1, claimed_by = (SELECT id FROM instances)
                        """)
                }
                try await eventually("done") { try await service.finished() == 1 }
                #expect(try await service.database.value(Int.self, "SELECT attempt FROM jobs_done") == 2)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func aClockPutForwardTakesNoJobAway(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            var service = service
            service.options.heartbeat = .seconds(60)
            service.options.deadAfter = .seconds(30)
            let gate = Gate()
            let run = Run(Work.self) { job, _ in if job.name == "long" { await gate.wait() } }
            try await service.run(.init(jobs: [run.kind]), clock: clock.wallClock) { [service] messages in
                try await service.enqueue(Work(name: "long"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
                try await service.enqueue(
                    Work(name: "later"), at: clock.wallClock.now.advanced(bySeconds: 60), through: messages)
                clock.advance(bySeconds: 90)
                messages.signals.coordinator.set()
                try await eventually("the later one is done") { try await service.finished() == 1 }
                #expect(try await service.states() == ["running"])
                gate.open()
                try await eventually("done") { try await service.finished() == 2 }
                #expect(try await service.database.value(Int.self, "SELECT max(attempt) FROM jobs_done") == 1)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func jobsWithOneMoreChanceRunOneAtATime(_ store: TestStore) async throws {
        try await store.withService { service in
            let (now, most) = (Shared(0), Shared(0))
            let run = Run(Work.self) { _, _ in
                now.change { $0 += 1 }
                most.change { [now] in $0 = max($0, now.value) }
                try await letTimePass(.milliseconds(20), because: "attempts that overlap would show")
                now.change { $0 -= 1 }
            }
            let messages = service.messages()
            messages.register([run.kind])
            for number in 0..<5 { try await service.enqueue(Work(name: "\(number)"), through: messages) }
            try await service.database.execute("UPDATE jobs SET crashes = 2")
            try await service.run(.init(jobs: [run.kind])) { _ in
                try await eventually("done") { try await service.finished() == 5 }
                #expect(most.value == 1)
            }
        }
    }
}
