import MartletCore
import MartletMessaging
import MartletTesting
import Testing

/// What every transport guarantees.
@Suite struct BrokerConformanceTests {
    @Test(arguments: Transport.all)
    func eventsArriveInOrderWithAllTheirAttributes(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (publisher, receiver) = (try await makeBroker(), try await makeBroker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            var events = source.events(20)
            events.append(
                Envelope(
                    id: "ä,\"{}\\ '1'", source: "accounts", type: "accounts.renamed", version: 7,
                    subject: "users/{\"x\\y\"}, NULL", sequence: nil, time: Timestamp(microseconds: -1),
                    data: #"{"name":"Zoë \"\\\u0000 \n","x":null}"#,
                    trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", requestID: "r-1"))
            events += source.events(20)
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                let outbox = Outbox("accounts")
                for batch in [events[..<5], events[5..<6], events[6...]] {
                    outbox.add(Array(batch))
                    try await outbox.publish(through: publisher)
                }
                try await eventually("all events") { inbox.count == events.count }
            }
            #expect(inbox.events == events)
        }
    }

    @Test(arguments: Transport.betweenProcesses)
    func whatIsDeclaredBeforePublishingIsReceivedLater(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            var source = EventSource("accounts")
            let events = source.events(10)
            let declaring = try await makeBroker()
            try await declaring.declare("analytics", subscribesTo: ["accounts"])
            _ = try await makeBroker().publish(events, from: "accounts", after: nil)
            // A start of the subscriber declares again, and loses nothing by it.
            let receiver = try await makeBroker()
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                try await eventually("all events") { inbox.count == 10 }
            }
            #expect(inbox.events == events)
        }
    }

    @Test(arguments: Transport.betweenProcesses)
    func receivedEventsDoNotComeAgain(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            var source = EventSource("accounts")
            let publisher = try await makeBroker()
            let inbox = Inbox()
            var position: String?
            for round in 1...3 {
                let receiver = try await makeBroker()
                try await receiver.declare("analytics", subscribesTo: ["accounts"])
                try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                    position = try await publisher.publish(source.events(5), from: "accounts", after: position)
                    // The last batch is acknowledged when one behind it arrives.
                    try await eventually("the batch") { inbox.count == round * 10 - 5 }
                    position = try await publisher.publish(source.events(5), from: "accounts", after: position)
                    try await eventually("the batch behind it") { inbox.count == round * 10 }
                }
            }
            #expect(inbox.disorder == [])
            // The receiver is cancelled between storing and acknowledging at worst.
            #expect(inbox.deliveries <= 30 + 2 * 5)
        }
    }

    @Test(arguments: Transport.all)
    func everySubscriberReceivesItsSources(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let publisher = try await makeBroker()
            let wanted: [(String, Set<String>)] = [
                ("analytics", ["accounts", "catalog"]), ("mail", ["accounts"]), ("search", ["catalog"]),
            ]
            let inboxes = wanted.map { _ in Inbox() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for ((subscriber, sources), inbox) in zip(wanted, inboxes) {
                    let receiver = try await makeBroker()
                    try await receiver.declare(subscriber, subscribesTo: sources)
                    group.addTask { try await receiver.receive(subscriber, from: sources, store: inbox.store) }
                }
                var (accounts, catalog) = (EventSource("accounts"), EventSource("catalog"))
                let outboxes = (Outbox("accounts"), Outbox("catalog"))
                for _ in 0..<10 {
                    outboxes.0.add(accounts.events(10))
                    outboxes.1.add(catalog.events(10))
                    try await outboxes.0.publish(through: publisher)
                    try await outboxes.1.publish(through: publisher)
                }
                try await eventually("all events") { inboxes.map(\.count) == [200, 100, 100] }
                group.cancelAll()
            }
            for (inbox, (_, sources)) in zip(inboxes, wanted) {
                #expect(inbox.disorder == [])
                #expect(Set(inbox.events.map(\.source)) == sources)
            }
        }
    }

    @Test(arguments: Transport.all)
    func batchThatIsNotStoredComesAgain(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let broker = try await makeBroker()
            try await broker.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let (inbox, attempts) = (Inbox(), Shared<[[String]]>([]))
            let store: @Sendable ([Envelope]) async throws -> Void = { events in
                attempts.change { $0.append(events.map(\.id)) }
                if attempts.value.count % 3 != 0 { throw Refused() }
                inbox.store(events)
            }
            try await receiving("analytics", from: ["accounts"], through: broker, store: store) {
                let outbox = Outbox("accounts")
                for _ in 0..<4 {
                    outbox.add(source.events(10))
                    try await outbox.publish(through: broker)
                }
                try await eventually("all events") { inbox.count == 40 }
            }
            #expect(inbox.disorder == [])
            #expect(inbox.deliveries == 40)
            let first = attempts.value.prefix(2).map { $0.first }
            #expect(first == ["accounts-1", "accounts-1"])
        }
    }

    @Test(arguments: Transport.betweenProcesses)
    func anotherReceiverContinuesWhereOneWasCancelled(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (publisher, first, second) = (try await makeBroker(), try await makeBroker(), try await makeBroker())
            try await first.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let inbox = Inbox()
            let cancelled = Gate()
            let interrupted: @Sendable ([Envelope]) async throws -> Void = { _ in
                await cancelled.pass()
                throw CancellationError()
            }
            var position: String?
            try await receiving("analytics", from: ["accounts"], through: first, store: interrupted) {
                position = try await publisher.publish(source.events(10), from: "accounts", after: nil)
                try await eventually("a batch in the making") { cancelled.arrivals > 0 }
                position = try await publisher.publish(source.events(10), from: "accounts", after: position)
            }
            try await receiving("analytics", from: ["accounts"], through: second, store: inbox.store) {
                try await eventually("all events") { inbox.count == 20 }
            }
            #expect(inbox.disorder == [])
        }
    }

    /// An earlier leader holds a batch that it has not acknowledged, while the next one receives; then it continues.
    @Test(arguments: Transport.betweenProcesses)
    func pausedReceiverLosesNothing(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (publisher, old, new) = (try await makeBroker(), try await makeBroker(), try await makeBroker())
            try await old.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let (inbox, gate) = (Inbox(), Gate())
            let paused: @Sendable ([Envelope]) async throws -> Void = { events in
                await gate.pass()
                inbox.store(events)
            }
            try await receiving("analytics", from: ["accounts"], through: old, store: paused) {
                var position = try await publisher.publish(source.events(10), from: "accounts", after: nil)
                try await eventually("the old leader's batch") { gate.arrivals > 0 }
                try await receiving("analytics", from: ["accounts"], through: new, store: inbox.store) {
                    position = try await publisher.publish(source.events(10), from: "accounts", after: position)
                    try await eventually("the new leader's events") { inbox.count == 20 }
                    // The old leader continues, and both receive for a while.
                    gate.open()
                    for _ in 0..<50 {
                        position = try await publisher.publish(source.events(4), from: "accounts", after: position)
                    }
                    try await eventually("all events") { inbox.count == 220 }
                }
            }
            #expect(inbox.disorder == [])
        }
    }

    /// Publishing again, as after a crash before the events were marked, and by two leaders at once.
    @Test(arguments: Transport.betweenProcesses)
    func publishingAgainKeepsTheOrder(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (old, new, receiver) = (try await makeBroker(), try await makeBroker(), try await makeBroker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let events = source.events(300)
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                let position = try await old.publish(Array(events[..<100]), from: "accounts", after: nil)
                // The new leader has read the position before the old leader's last batch.
                async let late = old.publish(Array(events[100..<150]), from: "accounts", after: position)
                async let again = new.publish(Array(events[50...]), from: "accounts", after: position)
                _ = try await (late, again)
                try await eventually("all events") { inbox.count == 300 }
            }
            #expect(inbox.events.count == 300)
            // Between the two leaders any order is possible, but a subject's numbers arrive without a gap.
            #expect(inbox.disorder == [])
        }
    }

    @Test(arguments: Transport.betweenProcesses)
    func joiningSubscriberHasNoGap(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let publisher = try await makeBroker()
            try await publisher.declare("first", subscribesTo: ["accounts"])
            let joiners = (0..<5).map { ("joiner\($0)", Inbox()) }
            let published = Shared(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var source = EventSource("accounts")
                    var position: String?
                    for _ in 0..<150 {
                        position = try await publisher.publish(
                            source.events(2, subjects: 1), from: "accounts", after: position)
                        published.next()
                    }
                }
                for (index, (name, inbox)) in joiners.enumerated() {
                    let receiver = try await makeBroker()
                    try await eventually("some events") { published.value > index * 20 }
                    try await receiver.declare(name, subscribesTo: ["accounts"])
                    let seen = published.value
                    group.addTask { try await receiver.receive(name, from: ["accounts"], store: inbox.store) }
                    // One batch may have been on its way already.
                    try await eventually("the events after joining") {
                        inbox.events.first.map { ($0.sequence ?? 0) <= Int64(2 * (seen + 1)) + 1 } ?? false
                    }
                }
                try await eventually("the last event") {
                    joiners.allSatisfy { $0.1.events.last?.sequence == 300 }
                }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
            for (_, inbox) in joiners { #expect(inbox.disorder == []) }
        }
    }

    @Test(arguments: Transport.all)
    func tenThousandEventsArrive(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let publisher = try await makeBroker()
            let inboxes = [Inbox(), Inbox()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, inbox) in inboxes.enumerated() {
                    let receiver = try await makeBroker()
                    try await receiver.declare("subscriber\(index)", subscribesTo: ["accounts"])
                    group.addTask {
                        try await receiver.receive("subscriber\(index)", from: ["accounts"], store: inbox.store)
                    }
                }
                var source = EventSource("accounts")
                let events = source.events(10_000, subjects: 100)
                let outbox = Outbox("accounts")
                outbox.add(events)
                try await outbox.publish(through: publisher, batch: 500)
                try await eventually("all events", within: .seconds(60)) { inboxes.allSatisfy { $0.count == 10_000 } }
                group.cancelAll()
            }
            for inbox in inboxes { #expect(inbox.disorder == []) }
        }
    }

    /// Batches are bounded by bytes, too: 100 payloads of the greatest size are 25 MiB.
    @Test(arguments: Transport.all)
    func largePayloadsArrive(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (publisher, receiver) = (try await makeBroker(), try await makeBroker())
            try await receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let data = #"{"text":""# + String(repeating: "x", count: (256 << 10) - 11) + #""}"#
            let events = (0..<100).map { _ in source.event(data: data) }
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: receiver, store: inbox.store) {
                let outbox = Outbox("accounts")
                outbox.add(events)
                try await outbox.publish(through: publisher, batch: 100)
                try await eventually("all events") { inbox.count == 100 }
            }
            #expect(inbox.events == events)
        }
    }

    @Test(arguments: Transport.all)
    func publishingNothingChecksThePosition(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let broker = try await makeBroker()
            var source = EventSource("accounts")
            var position = try await broker.publish([], from: "accounts", after: nil)
            position = try await broker.publish([], from: "accounts", after: position)
            position = try await broker.publish(source.events(3), from: "accounts", after: position)
            let again = try await makeBroker().publish([], from: "accounts", after: position)
            #expect(again == position)
        }
    }

    @Test(arguments: Transport.all)
    func requestsReachThePublisherOnce(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let (publisher, subscriber) = (try await makeBroker(), try await makeBroker())
            for (subject, from) in [("users/1", 7), ("users/\"2\"", 3), ("users/1", 5), ("users/1", 9)]
                as [(String, Int64)]
            {
                try await subscriber.request(MissingEvents(source: "accounts", subject: subject, from: from))
            }
            try await subscriber.request(MissingEvents(source: "catalog", subject: "users/1", from: 1))
            let requests = try await publisher.takeRequests(to: "accounts")
            // The first number of a subject counts, whether or not the requests were merged.
            let first = Dictionary(requests.map { ($0.subject, $0.from) }, uniquingKeysWith: min)
            #expect(first == ["users/1": 5, "users/\"2\"": 3])
            #expect(requests.allSatisfy { $0.source == "accounts" })
            let again = try await publisher.takeRequests(to: "accounts")
            #expect(again == [])
            let other = try await publisher.takeRequests(to: "catalog")
            #expect(other.count == 1)
        }
    }

    @Test(arguments: Transport.all)
    func receivingEndsWhenCancelled(_ transport: Transport) async throws {
        try await transport.run { makeBroker in
            let broker = try await makeBroker()
            try await broker.declare("analytics", subscribesTo: ["accounts"])
            for sources: Set<String> in [["accounts"], []] {
                try await within(.seconds(10), "the end of receiving") {
                    let task = Task { try await broker.receive("analytics", from: sources) { _ in } }
                    task.cancel()
                    if case .failure(let error) = await task.result { #expect(error is CancellationError) }
                }
            }
        }
    }
}
