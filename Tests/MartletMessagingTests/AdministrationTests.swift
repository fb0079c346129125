import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletMessaging

/// What operators do with jobs.
@Suite struct AdministrationTests {
    private struct Broken: Error {}

    private func id(_ service: TestService, _ state: String) async throws -> ID<JobRecord> {
        let id = try await service.database.value(
            Int64.self, "SELECT id FROM jobs WHERE state = \(state) ORDER BY id LIMIT 1")
        return ID(try #require(id))
    }

    @Test(arguments: TestStore.allCases) func retryRunsADeadJobAgain(_ store: TestStore) async throws {
        try await store.withService { service in
            let isBroken = Shared(true)
            let run = Run(Work.self) { _, _ in if isBroken.value { throw Broken() } }.attempts(1)
            try await service.run(.init(jobs: [run.kind])) { messages in
                let administration = JobAdministration(service.database, messages)
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("dead") { try await service.states() == ["dead"] }
                let dead = try await self.id(service, "dead")
                #expect(try await administration.job(dead).errors.first?.error.contains("Broken") == true)
                isBroken.set(false)
                #expect(try await administration.retry(dead).state == "ready")
                try await eventually("done") { try await service.finished() == 1 }
                let gone = await #expect(throws: Problem.self) { try await administration.retry(dead) }
                #expect(gone?.status == 404)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func discardLetsTheLaneGoOn(_ store: TestStore) async throws {
        try await store.withService { service in
            let heard = Shared<[Int]>([])
            let on = On(Counted.self) { event, _, _ in
                if event.number == 1 { throw GiveUp("it is poison") }
                heard.change { $0.append(event.number) }
            }
            try await service.run(.init(handlers: HandlerBuilder.buildExpression(on))) { messages in
                let administration = JobAdministration(service.database, messages)
                try await service.emit(
                    Counted(subject: "a", number: 1), Counted(subject: "a", number: 2), through: messages)
                try await eventually("dead") { try await service.states() == ["dead", "blocked"] }
                try await administration.discard(try await self.id(service, "dead"))
                try await eventually("the next") {
                    try await service.database.values(String.self, "SELECT outcome FROM jobs_done ORDER BY id")
                        == ["discarded", "completed"]
                }
                #expect(heard.value == [2])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func cancelEndsARunningJob(_ store: TestStore) async throws {
        try await store.withService { service in
            let run = Run(Work.self) { _, run in
                await Gate().wait()
                try run.checkCancelled()
            }
            try await service.run(.init(jobs: [run.kind])) { messages in
                let administration = JobAdministration(service.database, messages)
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
                let running = try await self.id(service, "running")
                let refusal = await #expect(throws: Problem.self) { try await administration.discard(running) }
                #expect(refusal?.status == 409)
                try await administration.cancel(running)
                try await eventually("ended") { try await service.finished() == 1 }
                let outcome = try await service.database.value(String.self, "SELECT outcome FROM jobs_done")
                #expect(outcome == "cancelled")
            }
        }
    }

    @Test(arguments: TestStore.allCases) func aPausedQueueStartsNothing(_ store: TestStore) async throws {
        try await store.withService { service in
            let run = Run(Work.self) { _, _ in }
            let other = Run(Other.self) { _, _ in }.queue("other")
            try await service.run(.init(jobs: [run.kind, other.kind])) { messages in
                let administration = JobAdministration(service.database, messages)
                try await administration.pause("default")
                try await service.enqueue(Work(name: "x"), through: messages)
                try await service.enqueue(Other(), through: messages)
                try await eventually("the other queue goes on") { try await service.finished() == 1 }
                #expect(try await service.states() == ["ready"])
                let queues = try await administration.queues()
                #expect(queues.map(\.name) == ["default"])
                #expect(queues.first?.isPaused == true)
                try await administration.resume("default")
                try await eventually("done") { try await service.finished() == 2 }
            }
        }
    }

    private struct Other: Job {}
}
