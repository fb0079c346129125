import MartletCore
import MartletData
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletMessaging

/// Events: from the transaction that emits them to the handlers.
@Suite struct EventTests {
    @Test(arguments: TestStore.allCases) func eventAndDataAreOneCommit(_ store: TestStore) async throws {
        try await store.withService { service in
            try await service.database.execute("CREATE TABLE seen (subject TEXT, number BIGINT)")
            let on = On(Counted.self) { event, _, connection in
                try await connection.execute("INSERT INTO seen VALUES (\(event.subject), \(event.number))")
            }
            try await service.run(.init(handlers: HandlerBuilder.buildExpression(on))) { messages in
                struct Stop: Error {}
                await #expect(throws: Stop.self) {
                    try await service.database.transaction { connection in
                        try await messages.emit(Counted(subject: "a", number: 0), on: connection)
                        throw Stop()
                    }
                }
                try await service.emit(Counted(subject: "a", number: 1), through: messages)
                try await eventually("heard") { try await service.finished() == 1 }
                #expect(try await service.database.values(Int.self, "SELECT number FROM seen") == [1])
                // The number that was rolled back is not missing.
                #expect(try await service.database.values(Int.self, "SELECT sequence FROM outbox") == [1])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func eventsOfASubjectArriveInOrder(_ store: TestStore) async throws {
        try await store.withService { service in
            try await service.database.execute(
                "CREATE TABLE seen (id \(service.database.dialect.identity), subject TEXT, number BIGINT)")
            struct Broken: Error {}
            let on = On(Counted.self) { event, delivery, connection in
                try await connection.execute(
                    "INSERT INTO seen (subject, number) VALUES (\(event.subject), \(event.number))")
                // Every third delivery fails at first.
                if event.number % 3 == 0, delivery.attempt == 1 { throw Broken() }
            }
            try await service.run(.init(handlers: HandlerBuilder.buildExpression(on))) { messages in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for subject in ["a", "b", "c", "d"] {
                        group.addTask {
                            for number in 1...25 {
                                try await service.emit(Counted(subject: subject, number: number), through: messages)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await eventually("heard", within: .seconds(30)) { try await service.finished() == 100 }
                for subject in ["a", "b", "c", "d"] {
                    let numbers = try await service.database.values(
                        Int.self, "SELECT number FROM seen WHERE subject = \(subject) ORDER BY id")
                    #expect(numbers == Array(1...25))
                }
            }
        }
    }

    @Test(arguments: TestStore.allCases) func poisonBlocksItsLaneOnly(_ store: TestStore) async throws {
        try await store.withService { service in
            struct Broken: Error {}
            let heard = Shared<[String]>([])
            let on = On(Counted.self) { event, _, _ in
                if event.subject == "poison", event.number == 1 { throw Broken() }
                heard.change { $0.append("\(event.subject) \(event.number)") }
            }.attempts(2)
            try await service.run(.init(handlers: HandlerBuilder.buildExpression(on))) { messages in
                try await service.emit(
                    Counted(subject: "poison", number: 1), Counted(subject: "poison", number: 2),
                    Counted(subject: "fine", number: 1), through: messages)
                try await eventually("dead") { try await service.states() == ["dead", "blocked"] }
                #expect(heard.value == ["fine 1"])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func duplicatesAreDropped(_ store: TestStore) async throws {
        try await store.withService { service in
            let heard = Shared<[Int]>([])
            let ordered = On(Counted.self) { event, _, _ in heard.change { $0.append(event.number) } }
            for on in [ordered, ordered.unordered] {
                heard.set([])
                try await service.run(.init(handlers: HandlerBuilder.buildExpression(on))) { messages in
                    let done = try await service.finished()
                    for number in 1...3 {
                        try await service.emit(Counted(subject: "a", number: number), through: messages)
                    }
                    try await eventually("heard") { try await service.finished() == done + 3 }
                    // As after a crash between the publishing and its mark.
                    try await service.database.execute("UPDATE outbox SET published_at = NULL")
                    messages.signals.relay.set()
                    try await eventually("published") {
                        try await service.database.count("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
                    }
                    // Unordered ones may overtake each other.
                    #expect(heard.value.sorted() == [1, 2, 3])
                    #expect(try await service.states().isEmpty)
                }
                try await service.database.execute("DELETE FROM outbox")
                try await service.database.execute("DELETE FROM subjects")
                try await service.database.execute("DELETE FROM lanes")
            }
        }
    }

    @Test(arguments: TestStore.allCases) func aGapWaitsAndIsFilled(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = On(Counted.self) { _, _, _ in }.kind
            let inbox = InboxStore(
                database: service.database, time: DatabaseTime(service.database.dialect),
                handlers: [Counted.type: kind], orderedSources: ["shop"])
            func event(_ number: Int64) -> Envelope {
                Envelope(
                    id: "id \(number)", source: "shop", type: Counted.type, subject: "a", sequence: number,
                    time: WallClock.system.now, data: #"{"subject": "a", "number": \#(number)}"#)
            }
            let (first, second, third, fourth) = (event(1), event(2), event(3), event(4))
            #expect(
                try await inbox.store([first, third]).missing == [MissingEvents(source: "shop", subject: "a", from: 2)])
            #expect(try await inbox.missing() == [MissingEvents(source: "shop", subject: "a", from: 2)])
            #expect(try await service.states() == ["ready"])
            let filled = try await inbox.store([second, third, fourth, second])
            #expect(filled.count == 3)
            #expect(filled.duplicates == 1)
            #expect(try await inbox.missing().isEmpty)
            #expect(try await service.states() == ["ready", "blocked", "blocked", "blocked"])
            let places = try await service.database.values(Int.self, "SELECT place FROM jobs ORDER BY id")
            #expect(places == [1, 2, 3, 4])
        }
    }

    @Test(arguments: TestStore.allCases) func aGapThatNobodyFillsIsAnAlarm(_ store: TestStore) async throws {
        let clock = TestClock()
        try await store.withService { service in
            let kind = On(Counted.self) { _, _, _ in }.kind
            let inbox = InboxStore(
                database: service.database,
                time: DatabaseTime(service.database.dialect, testClock: clock.wallClock),
                handlers: [Counted.type: kind], orderedSources: ["shop"])
            func event(_ number: Int64) -> Envelope {
                Envelope(
                    id: "id \(number)", source: "shop", type: Counted.type, subject: "a", sequence: number,
                    time: clock.wallClock.now, data: "{}")
            }
            _ = try await inbox.store([event(1), event(3)])
            clock.advance(bySeconds: 601)
            let received = try await inbox.store([event(3)])
            #expect(received.lost == [MissingEvents(source: "shop", subject: "a", from: 2)])
            #expect(received.count == 1)
        }
    }

    @Test(arguments: TestStore.allCases) func survivesAnySequence(_ store: TestStore) async throws {
        try await store.withService { service in
            let kind = On(Counted.self) { _, _, _ in }.kind
            let inbox = InboxStore(
                database: service.database, time: DatabaseTime(service.database.dialect),
                handlers: [Counted.type: kind], orderedSources: ["shop"])
            for (index, sequence) in [.max - 1, .max, .min, 0, -1, .max - 1, 1].enumerated()
                as EnumeratedSequence<[Int64]>
            {
                let event = Envelope(
                    id: "id \(index)", source: "shop", type: Counted.type, subject: "a", sequence: sequence,
                    time: WallClock.system.now, data: "{}")
                _ = try await inbox.store([event])
            }
        }
    }

    @Test(arguments: TestStore.allCases) func subjectsOfOneCallDiffer(_ store: TestStore) async throws {
        try await store.withService { service in
            let messages = service.messages()
            let events = [Counted(subject: "a", number: 1), Counted(subject: "a", number: 2)]
            await #expect(throws: MessagingError.repeatedSubject(type: Counted.type)) {
                try await service.database.transaction { try await messages.emit(all: events, on: $0) }
            }
        }
    }

    @Test(arguments: TestStore.allCases) func refusesWhatCannotBePublished(_ store: TestStore) async throws {
        struct Undeclared: Event {
            static let type = "shop.undeclared"
            var subject: String { "a" }
        }
        struct Long: Event {
            static let type = "shop.long"
            let subject: String
            let text: String
        }
        try await store.withService { service in
            var service = service
            service.events = [Long.self]
            let messages = service.messages()
            let database = service.database
            func refusal(_ event: some Event) async throws -> MessagingError? {
                do {
                    try await database.transaction { try await messages.emit(event, on: $0) }
                    return nil
                } catch let error as MessagingError {
                    return error
                }
            }
            let undeclared = try await refusal(Undeclared())
            #expect(undeclared == .undeclaredEvent(type: "shop.undeclared"))
            let empty = try await refusal(Long(subject: "", text: ""))
            #expect(empty == .invalidSubject(type: "shop.long"))
            let long = try await refusal(Long(subject: "a", text: String(repeating: "x", count: Payload.maximumBytes)))
            #expect(long?.description.contains("shop.long: the payload has") == true)
            #expect(try await database.count("SELECT count(*) FROM outbox") == 0)
        }
    }

    @Test(arguments: TestStore.allCases) func deliveryCarriesItsCause(_ store: TestStore) async throws {
        try await store.withService { service in
            let spans = SpanRecorder(sample: 1, metrics: MetricsRegistry())
            let causes = Shared<[Cause?]>([])
            let on = On(Counted.self) { _, _, _ in causes.change { $0.append(Cause.current) } }
            let cause = Cause(requestID: "request-1", trace: TraceContext.make().sampled(true))
            try await service.run(.init(handlers: HandlerBuilder.buildExpression(on)), spans: spans) { messages in
                try await Cause.$current.withValue(cause) {
                    try await service.emit(Counted(subject: "a", number: 1), through: messages)
                }
                try await eventually("heard") { try await service.finished() == 1 }
                let seen = causes.value.first ?? nil
                #expect(seen?.requestID == "request-1")
                #expect(seen?.trace.traceID == cause.trace.traceID)
                try await eventually("a span") {
                    spans.take(10).contains { $0.name == "process shop.counted" && $0.parentID == cause.trace.spanID }
                }
            }
        }
    }
}
