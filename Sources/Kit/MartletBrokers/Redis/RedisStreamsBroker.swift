public import Logging
public import MartletCore
public import MartletMessaging
public import MartletRedis
public import NIOCore

/// Carries events over Redis Streams: a stream for each source, a consumer group for each subscriber.
///
/// An entry is a CloudEvent, whose attributes are the fields, so that other programs read and write the same streams.
/// What they write wrongly is acknowledged, logged and counted, and holds nothing up.
///
/// Redis may forget: it may restart without persistence, or fail over to a replica that lags. The publisher notices
/// this by its position, and the receivers create their groups again. Needs Redis 6.2.
public final class RedisStreamsBroker: Broker {
    public struct Options: Sendable {
        /// The beginning of all keys: the events of `accounts` are in `martlet:events:accounts`. Default: `martlet:`.
        public var prefix = "martlet:"
        /// The maximum number of events in a batch. Default: 200.
        public var batch = 200
        /// The longest time to wait for Redis's reply. Default: 5 seconds.
        public var timeout: Duration = .seconds(5)
        /// How long Redis waits for the next event before it replies that there is none. Default: 2 seconds.
        public var block: Duration = .seconds(2)
        /// The time between two trims of a stream. Default: 30 seconds.
        public var trimInterval: Duration = .seconds(30)
        /// How long nothing is trimmed, and new groups begin at the beginning, after a stream was published anew: the
        /// time in which all subscribers come back after Redis has forgotten. Default: 1 hour.
        public var settling: Duration = .seconds(3600)
        /// How long events are kept in a stream that nobody subscribes to. Default: 1 day.
        public var retentionWithoutSubscribers: Duration = .seconds(86_400)
        /// How long an event waits for its subscriber before a warning. Default: 1 hour.
        public var slowSubscriber: Duration = .seconds(3600)
        /// The wait before a batch that could not be stored is received again. Default: from 100 ms to 10 s.
        public var retry = Backoff(initial: .milliseconds(100), maximum: .seconds(10))
        /// The maximum size of a reply in memory. An entry of more than half of it is unreadable. Default: 32 MiB.
        public var maximumReplyBytes = 32 << 20

        public init() {}
    }

    private let location: RedisLocation
    private let options: Options
    private let eventLoops: any EventLoopGroup
    private let logger: Logger
    private let onUnreadable: @Sendable (UnreadableEntry) -> Void
    private let names: StreamNames
    private let client: RedisClient
    private let trimmer: StreamTrimmer

    /// Does not connect yet.
    /// - Parameter onUnreadable: called for each entry that is not an event, before it is acknowledged.
    public init(
        _ location: RedisLocation, options: Options = .init(), eventLoops: any EventLoopGroup, logger: Logger,
        onUnreadable: @escaping @Sendable (UnreadableEntry) -> Void = { _ in }
    ) {
        self.location = location
        self.options = options
        self.eventLoops = eventLoops
        self.logger = logger
        self.onUnreadable = onUnreadable
        names = StreamNames(prefix: options.prefix)
        client = Self.connect(location, options, eventLoops, logger)
        trimmer = StreamTrimmer(options, logger: logger)
    }

    private static func connect(
        _ location: RedisLocation, _ options: Options, _ eventLoops: any EventLoopGroup, _ logger: Logger
    ) -> RedisClient {
        var configuration = RedisConfiguration(location)
        configuration.timeout = TimeAmount(options.timeout)
        configuration.maximumReplyBytes = options.maximumReplyBytes
        return RedisClient(configuration, eventLoop: eventLoops.next(), logger: logger)
    }

    /// Closes the connection for publishing. Receivers have their own, which end with them.
    public func close() async { await client.close() }

    // MARK: Subscriptions

    public func declare(_ subscriber: String, subscribesTo sources: Set<String>) async throws {
        for source in sources {
            try await subscribe(subscriber, to: source, isNewFor: "\(options.settling.milliseconds)", on: client)
        }
    }

    /// Ends a subscription for good. Without this, the events for a subscriber that no longer exists are kept for ever.
    public func unsubscribe(_ subscriber: String, from source: String) async throws {
        try await client.send(["SREM", .text(names.subscribers(of: source)), .text(subscriber)])
        guard try await client.send(["EXISTS", .text(names.events(of: source))]) == .integer(1) else { return }
        try await client.send(["XGROUP", "DESTROY", .text(names.events(of: source)), .text(subscriber)])
    }

    private func subscribe(
        _ subscriber: String, to source: String, isNewFor time: String, on client: RedisClient
    ) async throws {
        try await client.send([
            "EVAL", .text(StreamScripts.subscribe), 3, .text(names.events(of: source)), .text(names.state(of: source)),
            .text(names.subscribers(of: source)), .text(subscriber), .text(time),
        ])
    }

    // MARK: Publishing

    public func publish(
        _ events: [Envelope], from source: String, after position: String?
    ) async throws -> String? {
        var last = try position.map { text in
            guard let position = StreamPosition(text) else { throw BrokerError.forgot }
            return position
        }
        if events.isEmpty { last = try await append([], to: source, after: last) }
        for chunk in events.chunks(ofAtMost: 256, bytes: 1 << 20) {
            last = try await append(chunk, to: source, after: last)
        }
        await trimmer.trimIfDue(source, on: client)
        return last?.description
    }

    private func append(
        _ events: ArraySlice<Envelope>, to source: String, after position: StreamPosition?
    ) async throws -> StreamPosition {
        var command: [RedisArgument] = [
            "EVAL", .text(StreamScripts.publish), 2, .text(names.events(of: source)), .text(names.state(of: source)),
            .text(position?.epoch ?? ""), .text(position?.entry ?? ""), .text(SecureRandom.text(bytes: 9)),
        ]
        for event in events {
            let fields = event.fields
            command.append(.integer(fields.count))
            command += fields
        }
        let reply = try await client.send(command).array ?? []
        guard reply.count == 2, let epoch = reply[0].text, let entry = reply[1].text else { throw BrokerError.forgot }
        return StreamPosition(epoch: epoch, entry: entry)
    }

    // MARK: Receiving

    public func receive(
        _ subscriber: String, from sources: Set<String>, store: @escaping @Sendable ([Envelope]) async throws -> Void
    ) async throws {
        var limit = options.batch
        while !sources.isEmpty {
            // A connection of its own: a command that waits for events delays those behind it.
            let client = Self.connect(location, options, eventLoops, logger)
            var receiver = StreamReceiver(
                client: client, names: names, subscriber: subscriber, sources: sources.sorted(), options: options,
                trimmer: trimmer, logger: logger, limit: limit, onUnreadable: onUnreadable, store: store
            ) { source in
                try await self.subscribe(subscriber, to: source, isNewFor: "always", on: client)
            }
            do {
                try await withTaskCancellationHandler {
                    try await receiver.run()
                } onCancel: {
                    client.eventLoop.execute { client.closeNow() }
                }
            } catch let reply as ReplyTooLong {
                await client.close()
                try Task.checkCancellation()
                limit = receiver.limit / 2
                if limit == 0 {
                    limit = 1
                    if let source = reply.source { try await skip(source, subscriber, reply) }
                }
            } catch {
                await client.close()
                try Task.checkCancellation()
                throw error
            }
        }
        while true { try await Task.sleep(for: .seconds(86_400)) }
    }

    /// Acknowledges an entry that no reply can hold.
    private func skip(_ source: String, _ subscriber: String, _ reply: ReplyTooLong) async throws {
        let result = try await client.send([
            "EVAL", .text(StreamScripts.skip), 1, .text(names.events(of: source)), .text(subscriber),
            .integer(options.maximumReplyBytes / 2),
        ])
        guard let id = result.text else { throw reply.error }
        let entry = UnreadableEntry(source: source, id: id, reason: "it is too large")
        entry.log(logger, subscriber: subscriber)
        onUnreadable(entry)
    }

    // MARK: Missing events

    public func request(_ missing: MissingEvents) async throws {
        let key = RedisArgument.text(names.requests(to: missing.source))
        let text: JSONValue = .object([
            ("subject", .string(missing.subject)), ("from", .number(String(missing.from))),
        ])
        let pushed = client.submit(["RPUSH", key, .bytes(text.bytes)])
        // A source that never takes its requests does not fill Redis. Subscribers ask again.
        _ = client.submit(["LTRIM", key, -10_000, -1])
        _ = client.submit(["EXPIRE", key, 86_400])
        _ = try await pushed.get()
    }

    public func takeRequests(to source: String) async throws -> [MissingEvents] {
        let reply = try await client.send(["LPOP", .text(names.requests(to: source)), 1000])
        var first: [String: Int64] = [:]
        for text in (reply.array ?? []).compactMap(\.text) where text.utf8.count <= 4096 {
            guard let request = try? JSONValue(parsing: text.utf8), let subject = request["subject"]?.stringValue,
                let from = request["from"]?.intValue, from > 0
            else {
                logger.warning("a request for missing events is invalid", metadata: ["source": "\(source)"])
                continue
            }
            first[subject] = min(first[subject] ?? .max, Int64(from))
        }
        return first.map { MissingEvents(source: source, subject: $0, from: $1) }
    }
}

extension UnreadableEntry {
    /// - Parameter count: how many there are, of which this is the first.
    func log(_ logger: Logger, subscriber: String, count: Int = 1) {
        logger.warning(
            "entries of a stream are not events and were skipped",
            metadata: [
                "source": "\(source)", "subscriber": "\(subscriber)", "entry": "\(id)", "reason": "\(reason)",
                "count": "\(count)",
            ])
    }
}
