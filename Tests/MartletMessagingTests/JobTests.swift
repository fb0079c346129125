import MartletCore
import MartletData
import MartletTesting
import Testing

@testable import MartletMessaging

/// Jobs: enqueueing, running, failing.
@Suite struct JobTests {
    @Test(arguments: TestStore.allCases) func runsWhatACommittedTransactionEnqueued(_ store: TestStore) async throws {
        try await store.withService { service in
            let seen = Shared<[String]>([])
            let run = Run(Work.self) { job, _ in seen.change { $0.append(job.name) } }
            try await service.run(.init(jobs: [run.kind])) { messages in
                struct Stop: Error {}
                await #expect(throws: Stop.self) {
                    try await service.database.transaction { connection in
                        try await messages.enqueue(Work(name: "rolled back"), on: connection)
                        throw Stop()
                    }
                }
                try await service.enqueue(Work(name: "committed"), through: messages)
                try await eventually("done") { try await service.finished() == 1 }
                #expect(seen.value == ["committed"])
                #expect(try await service.states().isEmpty)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func runsManyJobsOnceEach(_ store: TestStore) async throws {
        try await store.withService { service in
            let seen = Shared<[String: Int]>([:])
            let run = Run(Work.self) { job, _ in seen.change { $0[job.name, default: 0] += 1 } }
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.database.transaction { connection in
                    for number in 0..<500 { try await messages.enqueue(Work(name: "\(number)"), on: connection) }
                }
                try await eventually("done") { try await service.finished() == 500 }
                #expect(seen.value.count == 500)
                #expect(seen.value.values.allSatisfy { $0 == 1 })
            }
        }
    }

    @Test(arguments: TestStore.allCases) func retriesUntilItIsDead(_ store: TestStore) async throws {
        try await store.withService { service in
            let attempts = Shared<[Int]>([])
            struct Broken: Error {}
            let run = Run(Work.self) { _, run in
                attempts.change { $0.append(run.attempt) }
                throw Broken()
            }.attempts(3)
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("dead") { try await service.states() == ["dead"] }
                #expect(attempts.value == [1, 2, 3])
                let errors = try await service.database.value(String.self, "SELECT errors FROM jobs")
                #expect(errors?.contains("Broken") == true)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func effectsAndEndAreOneCommit(_ store: TestStore) async throws {
        try await store.withService { service in
            try await service.database.execute("CREATE TABLE effects (name TEXT)")
            struct Broken: Error {}
            let run = Run(Work.self) { job, run in
                try await run.finish { connection in
                    try await connection.execute("INSERT INTO effects VALUES (\(job.name))")
                    if run.attempt < 3 { throw Broken() }
                }
            }
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("done") { try await service.finished() == 1 }
                #expect(try await service.database.count("SELECT count(*) FROM effects") == 1)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func keepsOneUnfinishedJobOfAKey(_ store: TestStore) async throws {
        try await store.withService { service in
            let gate = Gate()
            let run = Run(Work.self) { _, _ in await gate.wait() }.unique { $0.name }
            try await service.run(.init(jobs: [run.kind])) { messages in
                let first = try await service.enqueue(Work(name: "a"), through: messages)
                guard case .inserted(let id) = first else {
                    Issue.record("not inserted")
                    return
                }
                #expect(try await service.enqueue(Work(name: "a"), through: messages) == .duplicate(id))
                #expect(try await service.enqueue(Work(name: "b"), through: messages) != .duplicate(id))
                try await eventually("running") { try await service.states() == ["running", "running"] }
                #expect(try await service.enqueue(Work(name: "a"), through: messages) == .duplicate(id))
                gate.open()
                try await eventually("done") { try await service.finished() == 2 }
                #expect(try await service.enqueue(Work(name: "a"), through: messages) != .duplicate(id))
            }
        }
    }

    @Test(arguments: TestStore.allCases) func runsOnceMoreWhenAskedForWhileRunning(_ store: TestStore) async throws {
        try await store.withService { service in
            let gate = Gate()
            let seen = Shared<[String]>([])
            let run = Run(Work.self) { job, _ in
                seen.change { $0.append(job.name) }
                await gate.wait()
            }.coalesced
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "first"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
                for name in ["second", "third"] { try await service.enqueue(Work(name: name), through: messages) }
                gate.open()
                try await eventually("done") { try await service.finished() == 1 }
                #expect(seen.value == ["first", "third"])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func runsOnceMoreAlsoAfterFinish(_ store: TestStore) async throws {
        try await store.withService { service in
            let gate = Gate()
            let seen = Shared<[String]>([])
            let run = Run(Work.self) { job, run in
                seen.change { $0.append(job.name) }
                await gate.wait()
                try await run.finish { _ in }
            }.coalesced
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "first"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
                try await service.enqueue(Work(name: "second"), through: messages)
                gate.open()
                try await eventually("done") { try await service.finished() == 1 }
                #expect(seen.value == ["first", "second"])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func runsOnceMoreAlsoWhenItDies(_ store: TestStore) async throws {
        try await store.withService { service in
            let gate = Gate()
            let seen = Shared<[String]>([])
            struct Broken: Error {}
            let run = Run(Work.self) { job, _ in
                seen.change { $0.append(job.name) }
                await gate.wait()
                if job.name == "first" { throw Broken() }
            }.coalesced.attempts(1)
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "first"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
                try await service.enqueue(Work(name: "second"), through: messages)
                gate.open()
                try await eventually("done") { try await service.finished() == 1 }
                #expect(seen.value == ["first", "second"])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func runsAtItsTime(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            let run = Run(Work.self) { _, _ in }
            try await service.run(.init(jobs: [run.kind]), clock: clock.wallClock) { messages in
                try await service.enqueue(
                    Work(name: "later"), at: clock.wallClock.now.advanced(bySeconds: 60), through: messages)
                try await service.enqueue(Work(name: "now"), through: messages)
                try await eventually("the first") { try await service.finished() == 1 }
                #expect(try await service.states() == ["scheduled"])
                clock.advance(bySeconds: 60)
                try await eventually("the second") { try await service.finished() == 2 }
            }
        }
    }

    @Test(arguments: TestStore.allCases) func endsAnAttemptThatTakesTooLong(_ store: TestStore) async throws {
        try await store.withService { service in
            let run = Run(Work.self) { _, run in
                // The first attempt does not end by itself.
                if run.attempt == 1 { await Gate().wait() }
            }.timeout(.milliseconds(100))
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("done") { try await service.finished() == 1 }
                #expect(try await service.database.value(Int.self, "SELECT attempt FROM jobs_done") == 2)
            }
        }
    }

    @Test(arguments: TestStore.allCases) func ratesAreSpentAtTheClaim(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            let run = Run(Work.self) { _, _ in }.rate(2, per: .minute)
            try await service.run(.init(jobs: [run.kind]), clock: clock.wallClock) { messages in
                for number in 0..<5 { try await service.enqueue(Work(name: "\(number)"), through: messages) }
                try await eventually("two") { try await service.finished() == 2 }
                clock.advance(bySeconds: 30)
                try await eventually("one more") { try await service.finished() == 3 }
                #expect(try await service.states() == ["ready", "ready"])
                clock.advance(bySeconds: 600)
                try await eventually("all") { try await service.finished() == 5 }
            }
        }
    }

    @Test(arguments: TestStore.allCases) func continuesAtItsCursor(_ store: TestStore) async throws {
        try await store.withService { service in
            struct Broken: Error {}
            let seen = Shared<[Int]>([])
            let run = Run(Work.self) { _, run in
                for number in (try run.cursor(as: Int.self) ?? 0)..<4 {
                    if number == 2, run.attempt == 1 { throw Broken() }
                    seen.change { $0.append(number) }
                    try await service.database.transaction { try await run.save(number + 1, on: $0) }
                    run.progress(number + 1, of: 4)
                }
            }
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("done") { try await service.finished() == 1 }
                #expect(seen.value == [0, 1, 2, 3])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func shutdownCostsNoAttempt(_ store: TestStore) async throws {
        try await store.withService { service in
            let run = Run(Work.self) { _, run in
                await Gate().wait()
                try run.checkCancelled()
            }
            try await service.run(.init(jobs: [run.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("running") { try await service.states() == ["running"] }
            }
            #expect(try await service.states() == ["ready"])
            #expect(try await service.database.value(Int.self, "SELECT attempt FROM jobs") == 0)
            #expect(try await service.database.count("SELECT count(*) FROM instances") == 0)
        }
    }

    @Test(arguments: TestStore.allCases) func leavesWhatItDoesNotKnow(_ store: TestStore) async throws {
        try await store.withService { service in
            struct Other: Job {}
            struct Newer: Job {
                static let kind = Work.kind
                static let version = 2
                let name: String
            }
            let messages = service.messages()
            messages.register([Run(Other.self) { _, _ in }.kind, Run(Newer.self) { _, _ in }.kind])
            try await service.enqueue(Other(), through: messages)
            try await service.enqueue(Newer(name: "newer"), through: messages)
            try await service.run(.init(jobs: [Run(Work.self) { _, _ in }.kind])) { messages in
                try await service.enqueue(Work(name: "x"), through: messages)
                try await eventually("done") { try await service.finished() == 1 }
                #expect(try await service.states() == ["ready", "ready"])
                #expect(try await service.database.values(Int.self, "SELECT attempt FROM jobs") == [0, 0])
            }
        }
    }
}
