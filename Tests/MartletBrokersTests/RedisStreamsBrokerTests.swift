import MartletBrokers
import MartletCore
import MartletMessaging
import MartletRedis
import MartletTesting
import NIOCore
import NIOPosix
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What Redis and other programs do to the streams.
@Suite struct RedisStreamsBrokerTests {
    /// A Redis of the test's own, with its publisher and receiver.
    private struct Scene: Sendable {
        let server: RedisServer
        let publisher: RedisStreamsBroker
        let receiver: RedisStreamsBroker
        /// For commands of other programs and administrators.
        let redis: RedisClient

        let stream = RedisArgument.text("martlet:events:accounts")

        func length() async throws -> Int64 { try await redis.send(["XLEN", stream]).integer ?? 0 }

        @discardableResult
        func add(_ fields: [RedisArgument]) async throws -> String {
            try await redis.send(["XADD", stream, "*"] + fields).text ?? ""
        }

        /// The server runs again, and all connections know it.
        func restart() async throws {
            server.kill()
            try await server.start()
            try await eventually("an answer of Redis") { try await redis.send(["PING"]) == .status("PONG") }
        }
    }

    private func withScene(
        _ arguments: [String] = [], _ configure: @Sendable (inout RedisStreamsBroker.Options) -> Void = { _ in },
        _ body: (Scene) async throws -> Void
    ) async throws {
        try await RedisServer.with(arguments) { server in
            let redis = try connect(server)
            let result: Result<Void, any Error>
            do {
                try await withRedisBrokers(server.url) { makeBroker in
                    let scene = Scene(
                        server: server, publisher: try makeBroker(configure), receiver: try makeBroker(configure),
                        redis: redis)
                    try await body(scene)
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await redis.close()
            try result.get()
        }
    }

    /// A connection for commands, which is patient on a busy machine.
    private func connect(_ server: RedisServer) throws -> RedisClient {
        var configuration = RedisConfiguration(try RedisLocation(url: server.url))
        configuration.timeout = .seconds(20)
        return RedisClient(
            configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: quiet)
    }

    /// All entries may be trimmed at once.
    private static let trimsAtOnce: @Sendable (inout RedisStreamsBroker.Options) -> Void = {
        $0.trimInterval = .zero
        $0.settling = .zero
    }

    // MARK: A Redis that forgets

    @Test(arguments: ["restart", "FLUSHALL"]) func forgottenEventsArePublishedAgain(_ fault: String) async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let events = source.events(30)
            let inbox = Inbox()
            var position = try await scene.publisher.publish(Array(events[..<10]), from: "accounts", after: nil)
            // Nobody has received the first ten when they are lost.
            if fault == "restart" { try await scene.restart() } else { try await scene.redis.send(["FLUSHALL"]) }
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                try await eventually("the loss is noticed") {
                    do {
                        _ = try await scene.publisher.publish(
                            Array(events[10..<20]), from: "accounts", after: position)
                        return false
                    } catch BrokerError.forgot {
                        return true
                    }
                }
                // Nothing of the refused batch is in the stream.
                let count = try await scene.length()
                #expect(count == 0)
                position = try await scene.publisher.publish(Array(events[..<20]), from: "accounts", after: nil)
                position = try await scene.publisher.publish(Array(events[20...]), from: "accounts", after: position)
                try await eventually("all events") { inbox.count == 30 }
            }
            #expect(inbox.events == events)
        }
    }

    /// The events are published again before the subscriber, which was down, starts and declares its subscription
    /// again.
    @Test func subscriberThatStartsAfterTheLossReceivesWhatWasPublishedAgain() async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let outbox = Outbox("accounts")
            var source = EventSource("accounts")
            outbox.add(source.events(10))
            try await outbox.publish(through: scene.publisher)
            try await scene.redis.send(["FLUSHALL"])
            try await outbox.publish(through: scene.publisher)
            #expect(outbox.forgotten == 1)
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                try await eventually("all events") { inbox.count == 10 }
            }
            #expect(inbox.disorder == [])
        }
    }

    /// The replica that takes over lacks the last entries; others are added to it before the publisher returns.
    @Test func failoverToALaggingReplicaIsNoticed() async throws {
        try await withScene { scene in
            var source = EventSource("accounts")
            let early = try await scene.publisher.publish(source.events(10), from: "accounts", after: nil)
            let position = try await scene.publisher.publish(source.events(10), from: "accounts", after: early)
            let last = try #require(position?.split(separator: "/").last)
            try await scene.redis.send(["XDEL", scene.stream, .text(last)])
            // An earlier leader's position is still there.
            _ = try await scene.publisher.publish(source.events(1), from: "accounts", after: early)
            await #expect(throws: BrokerError.forgot) {
                try await scene.publisher.publish([], from: "accounts", after: position)
            }
        }
    }

    @Test(arguments: ["", "x", "/", "epoch/1", "epoch/1-x", "a/b/1-1", "1-1"])
    func positionOfAnotherBrokerIsForgotten(_ position: String) async throws {
        try await withScene { scene in
            await #expect(throws: BrokerError.forgot) {
                try await scene.publisher.publish([], from: "accounts", after: position)
            }
        }
    }

    /// Redis loses everything again and again while events are published and received.
    @Test(arguments: ["kill", "FLUSHALL", "groups"]) func nothingIsLostInRepeatedFaults(_ fault: String) async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let (inbox, outbox) = (Inbox(), Outbox("accounts"))
            let rounds = 8
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                var source = EventSource("accounts")
                for round in 1...rounds {
                    outbox.add(source.events(300))
                    async let published: Void = outbox.publish(through: scene.publisher, batch: 20)
                    try await eventually("some events") { inbox.count > (round - 1) * 300 }
                    switch fault {
                    case "kill": try await scene.restart()
                    case "FLUSHALL": try await scene.redis.send(["FLUSHALL"])
                    default: try await scene.redis.send(["XGROUP", "DESTROY", scene.stream, "analytics"])
                    }
                    try await published
                    try await outbox.publish(through: scene.publisher)
                    try await eventually("all events of the round") { inbox.count == round * 300 }
                }
            }
            #expect(inbox.count == rounds * 300)
            #expect(inbox.disorder == [])
            if fault != "groups" { #expect(outbox.forgotten >= rounds - 1) }
        }
    }

    /// With its file synchronized, Redis keeps what it has confirmed.
    @Test func killedRedisWithAFileForgetsNothing() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(uniqueName("martlet-redis-"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await withScene(["--appendonly", "yes", "--appendfsync", "always", "--dir", folder.path]) { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let (inbox, outbox) = (Inbox(), Outbox("accounts"))
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                var source = EventSource("accounts")
                for round in 1...4 {
                    outbox.add(source.events(200))
                    async let published: Void = outbox.publish(through: scene.publisher, batch: 10)
                    try await eventually("some events") { inbox.count > (round - 1) * 200 }
                    try await scene.restart()
                    try await published
                    try await eventually("all events of the round") { inbox.count == round * 200 }
                }
            }
            #expect(outbox.forgotten == 0)
            #expect(inbox.disorder == [])
        }
    }

    @Test func frozenRedisDelaysOnly() async throws {
        try await withScene([]) {
            $0.timeout = .seconds(1)
        } _: { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let (inbox, outbox) = (Inbox(), Outbox("accounts"))
            var source = EventSource("accounts")
            let events = source.events(600)
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                outbox.add(Array(events[..<300]))
                async let published: Void = outbox.publish(through: scene.publisher, batch: 10)
                try await eventually("some events") { inbox.count > 0 }
                scene.server.freeze()
                await #expect(throws: RedisError.self) {
                    while true { _ = try await scene.publisher.takeRequests(to: "accounts") }
                }
                scene.server.thaw()
                try await published
                outbox.add(Array(events[300...]))
                try await outbox.publish(through: scene.publisher)
                try await eventually("all events") { inbox.count == 600 }
            }
            #expect(inbox.disorder == [])
        }
    }

    @Test func missingRedisIsAnErrorThatSaysSo() async throws {
        try await withRedisBrokers("redis://127.0.0.1:1") { makeBroker in
            let broker = try makeBroker { _ in }
            await #expect(throws: RedisError.unavailable) {
                try await broker.declare("analytics", subscribesTo: ["accounts"])
            }
            await #expect(throws: RedisError.unavailable) {
                try await broker.publish([], from: "accounts", after: nil)
            }
            await #expect(throws: RedisError.unavailable) {
                try await broker.receive("analytics", from: ["accounts"]) { _ in }
            }
        }
    }

    // MARK: Leaders

    /// A stopped process does not read, but Redis still delivers to its connection.
    @Test func entriesThatAStoppedLeaderTookReachTheNext() async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                var source = EventSource("accounts")
                var position: String?
                for round in 1...20 {
                    let stopped = RedisClient(
                        RedisConfiguration(try RedisLocation(url: scene.server.url)),
                        eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: quiet)
                    let taken = stopped.submit(
                        ["XREADGROUP", "GROUP", "analytics", "martlet", "BLOCK", 0, "STREAMS", scene.stream, ">"],
                        timeout: .seconds(60))
                    try await eventually("two waiting readers") {
                        try await scene.redis.send(["INFO", "clients"]).text?.contains("blocked_clients:2") == true
                    }
                    // One of the two gets each batch; the last event may be the stopped one's.
                    position = try await scene.publisher.publish(source.events(3), from: "accounts", after: position)
                    position = try await scene.publisher.publish(source.events(1), from: "accounts", after: position)
                    try await eventually("all events") { inbox.count == round * 4 }
                    await stopped.close()
                    _ = try? await taken.get()
                }
            }
            #expect(inbox.disorder == [])
        }
    }

    // MARK: Memory

    @Test func streamIsTrimmedBehindTheSlowestGroup() async throws {
        try await withScene([], Self.trimsAtOnce) { scene in
            try await scene.receiver.declare("fast", subscribesTo: ["accounts"])
            try await scene.receiver.declare("slow", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let (fast, slow) = (Inbox(), Inbox())
            var position: String?
            try await receiving("fast", from: ["accounts"], through: scene.receiver, store: fast.store) {
                for _ in 0..<20 {
                    position = try await scene.publisher.publish(source.events(200), from: "accounts", after: position)
                }
                try await eventually("the fast group's events") { fast.count == 4000 }
            }
            let length = try await scene.length()
            #expect(length == 4000)
            // The slow one takes a batch and does not acknowledge it: nothing of it may go.
            let gate = Gate()
            let stuck: @Sendable ([Envelope]) async throws -> Void = { _ in
                await gate.pass()
                throw Refused()
            }
            try await receiving("slow", from: ["accounts"], through: scene.receiver, store: stuck) {
                try await eventually("a batch") { gate.arrivals > 0 }
                position = try await scene.publisher.publish(source.events(1), from: "accounts", after: position)
                let length = try await scene.length()
                #expect(length == 4001)
                gate.open()
            }
            try await receiving("slow", from: ["accounts"], through: scene.receiver, store: slow.store) {
                try await receiving("fast", from: ["accounts"], through: scene.receiver, store: fast.store) {
                    try await eventually("the slow group's events") { slow.count == 4001 && fast.count == 4001 }
                    // Redis frees whole nodes of 100 entries.
                    try await eventually("a short stream") {
                        position = try await scene.publisher.publish([], from: "accounts", after: position)
                        return try await scene.length() <= 100
                    }
                    // Also while events come and go.
                    var longest: Int64 = 0
                    for _ in 0..<50 {
                        let next = slow.count + 100
                        position = try await scene.publisher.publish(
                            source.events(100), from: "accounts", after: position)
                        try await eventually("the batch") { slow.count == next && fast.count == next }
                        longest = max(longest, try await scene.length())
                    }
                    #expect(longest <= 500)
                }
            }
            #expect(slow.disorder == [] && fast.disorder == [])
        }
    }

    /// Somebody deletes a group while its subscriber is down: its events must still be there when it comes back.
    @Test func nothingIsTrimmedWhileASubscriberHasNoGroup() async throws {
        try await withScene([], Self.trimsAtOnce) { scene in
            try await scene.receiver.declare("fast", subscribesTo: ["accounts"])
            try await scene.receiver.declare("slow", subscribesTo: ["accounts"])
            try await scene.redis.send(["XGROUP", "DESTROY", scene.stream, "slow"])
            let (fast, slow) = (Inbox(), Inbox())
            var source = EventSource("accounts")
            var position: String?
            try await receiving("fast", from: ["accounts"], through: scene.receiver, store: fast.store) {
                for _ in 0..<5 {
                    position = try await scene.publisher.publish(source.events(200), from: "accounts", after: position)
                }
                try await eventually("the fast group's events") { fast.count == 1000 }
                position = try await scene.publisher.publish([], from: "accounts", after: position)
            }
            try await receiving("slow", from: ["accounts"], through: scene.receiver, store: slow.store) {
                try await eventually("all events") { slow.count == 1000 }
            }
            #expect(slow.disorder == [])
            // Once it has gone for good, it keeps nothing.
            try await scene.receiver.unsubscribe("slow", from: "accounts")
            try await receiving("fast", from: ["accounts"], through: scene.receiver, store: fast.store) {
                position = try await scene.publisher.publish(source.events(200), from: "accounts", after: position)
                try await eventually("a short stream") {
                    position = try await scene.publisher.publish([], from: "accounts", after: position)
                    return try await scene.length() <= 100
                }
            }
        }
    }

    @Test func unsubscribedStreamIsTrimmedByAge() async throws {
        try await withScene([]) {
            Self.trimsAtOnce(&$0)
            $0.retentionWithoutSubscribers = .seconds(60)
        } _: { scene in
            for _ in 0..<300 { try await scene.redis.send(["XADD", scene.stream, "1000-*", "id", "old"]) }
            var source = EventSource("accounts")
            var position = try await scene.publisher.publish(source.events(5), from: "accounts", after: nil)
            try await eventually("a short stream") {
                position = try await scene.publisher.publish([], from: "accounts", after: position)
                return try await scene.length() <= 100
            }
            let count = try await scene.length()
            #expect(count >= 5)
        }
    }

    /// After Redis has forgotten, subscribers that are down have no group yet.
    @Test func newStreamIsNotTrimmed() async throws {
        try await withScene([]) {
            $0.trimInterval = .zero
        } _: { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let (inbox, late) = (Inbox(), Inbox())
            var source = EventSource("accounts")
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                var position: String?
                for _ in 0..<5 {
                    position = try await scene.publisher.publish(source.events(200), from: "accounts", after: position)
                }
                try await eventually("all events") { inbox.count == 1000 }
                _ = try await scene.publisher.publish([], from: "accounts", after: position)
            }
            try await scene.receiver.declare("late", subscribesTo: ["accounts"])
            try await receiving("late", from: ["accounts"], through: scene.receiver, store: late.store) {
                try await eventually("all events") { late.count == 1000 }
            }
        }
    }

    @Test func laterSubscriberBeginsAtTheEnd() async throws {
        try await withScene([]) {
            $0.settling = .zero
        } _: { scene in
            var source = EventSource("accounts")
            let events = source.events(20)
            let position = try await scene.publisher.publish(Array(events[..<10]), from: "accounts", after: nil)
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            _ = try await scene.publisher.publish(Array(events[10...]), from: "accounts", after: position)
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                try await eventually("the events") { inbox.count == 10 }
            }
            #expect(inbox.events == Array(events[10...]))
        }
    }

    /// A reply larger than the client's limit is read in smaller parts; an entry that is too large alone is skipped.
    @Test func entryThatIsTooLargeIsSkipped() async throws {
        try await withScene([]) {
            $0.maximumReplyBytes = 64 << 10
        } _: { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let data = #"{"text":""# + String(repeating: "x", count: 9000) + #""}"#
            let events = (0..<40).map { _ in source.event(data: data) }
            let position = try await scene.publisher.publish(Array(events[..<20]), from: "accounts", after: nil)
            try await scene.add(["id", "1", "blob", .bytes(Array(repeating: 1, count: 100_000))])
            _ = try await scene.publisher.publish(Array(events[20...]), from: "accounts", after: position)
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                try await eventually("all events") { inbox.count == 40 }
            }
            #expect(inbox.events == events)
        }
    }

    // MARK: Other programs

    @Test func entryWithFewFieldsIsAnEvent() async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            let id = try await scene.add(["id", "a", "type", "accounts.created", "data", #"{"a": 1}"#])
            try await scene.add([
                "specversion", "1.0", "id", "b", "type", "accounts.created", "source", "/billing", "subject", "s",
                "sequence", "0012", "time", "2026-11-27T10:00:00+01:00", "datacontenttype",
                "application/json; charset=utf-8", "dataversion", "3", "traceparent", "bad value", "data", "{}",
                "comexampleextra", "ignored",
            ])
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                try await eventually("both events") { inbox.count == 2 }
            }
            let (first, second) = (inbox.events[0], inbox.events[1])
            #expect(first.id == "a" && first.type == "accounts.created" && first.data == #"{"a": 1}"#)
            #expect(first.version == 1 && first.subject == "" && first.sequence == nil && first.source == "accounts")
            #expect(id.hasPrefix(String(first.time.microseconds / 1000) + "-"))
            #expect(second.source == "accounts" && second.sequence == 12 && second.version == 3)
            #expect(second.time.description == "2026-11-27T09:00:00.000000Z" && second.trace == nil)
        }
    }

    @Test func unreadableEntriesHoldNothingUp() async throws {
        let large = #"{"x":""# + String(repeating: "x", count: 256 << 10) + #""}"#
        let valid: [(String, RedisArgument)] = [("id", "1"), ("type", "t"), ("data", "{}")]
        func entry(_ changes: (String, RedisArgument?)...) -> [RedisArgument] {
            var fields = valid.filter { field in !changes.contains { $0.0 == field.0 } }
            for (name, value) in changes { if let value { fields.append((name, value)) } }
            return fields.flatMap { [RedisArgument.text($0), $1] }
        }
        let garbage: [(fields: [RedisArgument], reason: String)] = [
            (["x", "y"], "id is missing"), (entry(("id", nil)), "id is missing"),
            (entry(("id", "")), "id is missing"), (entry(("type", nil)), "type is missing"),
            (entry(("data", nil)), "data is missing"), (entry(("data", "")), "data is not a JSON object"),
            (entry(("data", "[1]")), "data is not a JSON object"), (entry(("data", "{")), "data is not a JSON object"),
            (entry(("data", .bytes([0x7B, 0xFF, 0x7D]))), "data is not a JSON object"),
            (entry(("data", .text(large))), "data has more than 256 KiB"),
            (entry(("time", "yesterday")), "time is not an RFC 3339 time"),
            (entry(("sequence", "x"), ("subject", "s")), "sequence is not a number from 1"),
            (entry(("sequence", "0"), ("subject", "s")), "sequence is not a number from 1"),
            (entry(("sequence", "99999999999999999999"), ("subject", "s")), "sequence is not a number from 1"),
            (entry(("dataversion", "-1")), "dataversion is not a number from 1"),
            (entry(("specversion", "0.3")), "specversion is not 1.0"),
            (entry(("datacontenttype", "text/xml")), "datacontenttype is not application/json"),
            (entry(("id", .text(String(repeating: "x", count: 257)))), "id has more than 256 bytes"),
            (entry(("subject", .text(String(repeating: "x", count: 513)))), "subject has more than 512 bytes"),
            (entry(("id", "a\0b")), "id is not a UTF-8 text without NUL"),
            (entry(("type", .bytes([0xFF]))), "type is not a UTF-8 text without NUL"),
        ]
        try await RedisServer.with { server in
            let unreadable = Shared<[UnreadableEntry]>([])
            var options = RedisStreamsBroker.Options()
            options.block = .milliseconds(50)
            let broker = RedisStreamsBroker(
                try RedisLocation(url: server.url), options: options,
                eventLoops: MultiThreadedEventLoopGroup.singleton, logger: quiet
            ) { entry in unreadable.change { $0.append(entry) } }
            let redis = try connect(server)
            try await broker.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            var position: String?
            var ids: [String] = []
            let (inbox, events) = (Inbox(), source.events(garbage.count))
            for (item, event) in zip(garbage, events) {
                let reply = try await redis.send(["XADD", "martlet:events:accounts", "*"] + item.fields)
                ids.append(try #require(reply.text))
                position = try await broker.publish([event], from: "accounts", after: position)
            }
            try await receiving("analytics", from: ["accounts"], through: broker, store: inbox.store) {
                try await eventually("all events") { inbox.count == events.count }
                // An entry that is deleted before it is acknowledged is gone.
                try await eventually("all acknowledged") {
                    try await redis.send(["XPENDING", "martlet:events:accounts", "analytics"]).array?.first?.integer
                        == 0
                }
            }
            #expect(inbox.events == events)
            #expect(unreadable.value.map(\.id) == ids)
            #expect(unreadable.value.map(\.reason) == garbage.map(\.reason))
            await redis.close()
            await broker.close()
        }
    }

    @Test func entriesDeletedBeforeTheirReceiptAreSkipped() async throws {
        try await withScene { scene in
            try await scene.receiver.declare("analytics", subscribesTo: ["accounts"])
            var source = EventSource("accounts")
            let events = source.events(20)
            let gate = Gate()
            let position = try await scene.publisher.publish(Array(events[..<10]), from: "accounts", after: nil)
            let stuck: @Sendable ([Envelope]) async throws -> Void = { _ in
                await gate.pass()
                throw Refused()
            }
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: stuck) {
                try await eventually("a batch") { gate.arrivals > 0 }
                // Delivered, and then deleted by an administrator.
                let first = try await scene.redis.send(["XRANGE", scene.stream, "-", "+", "COUNT", 1])
                let id = try #require(first.array?.first?.array?.first?.text)
                try await scene.redis.send(["XDEL", scene.stream, .text(id)])
                gate.open()
            }
            let inbox = Inbox()
            try await receiving("analytics", from: ["accounts"], through: scene.receiver, store: inbox.store) {
                _ = try await scene.publisher.publish(Array(events[10...]), from: "accounts", after: position)
                try await eventually("the others") { inbox.count == 19 }
            }
            #expect(inbox.events == Array(events[1...]))
        }
    }

    @Test func invalidRequestsAreIgnored() async throws {
        try await withScene { scene in
            for text in ["", "x", "[]", "{}", #"{"subject":1,"from":2}"#, #"{"subject":"a","from":0}"#] {
                try await scene.redis.send(["RPUSH", "martlet:requests:accounts", .text(text)])
            }
            try await scene.redis.send(["RPUSH", "martlet:requests:accounts", #"{"subject": "a", "from": 3}"#])
            let requests = try await scene.publisher.takeRequests(to: "accounts")
            #expect(requests == [MissingEvents(source: "accounts", subject: "a", from: 3)])
        }
    }
}
