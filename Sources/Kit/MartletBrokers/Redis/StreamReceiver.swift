import Logging
import MartletCore
import MartletMessaging
import MartletRedis
import NIOCore

/// A reply exceeds the client's limit, which has closed the connection.
struct ReplyTooLong: Error {
    /// The source whose pending entries were read; nil when the entries were new.
    let source: String?
    let error: RedisError
}

/// Receives the events of a subscriber on one connection.
///
/// All processes of a subscriber use one consumer name, so that what one of them took and did not acknowledge is
/// pending for the next. An earlier process may even take entries while this one runs: it is paused, and Redis still
/// delivers to its connection. Therefore the pending entries are counted with each read, and read in their order if
/// there are others than those just delivered.
struct StreamReceiver {
    private static let consumer: RedisArgument = "martlet"

    let client: RedisClient
    let names: StreamNames
    let subscriber: String
    let sources: [String]
    let options: RedisStreamsBroker.Options
    let trimmer: StreamTrimmer
    let logger: Logger
    /// The number of entries to read from a stream at once.
    private(set) var limit: Int
    let onUnreadable: @Sendable (UnreadableEntry) -> Void
    let store: @Sendable ([Envelope]) async throws -> Void
    /// Creates the group in a stream again, at its beginning.
    let createGroup: @Sendable (String) async throws -> Void

    init(
        client: RedisClient, names: StreamNames, subscriber: String, sources: [String],
        options: RedisStreamsBroker.Options, trimmer: StreamTrimmer, logger: Logger, limit: Int,
        onUnreadable: @escaping @Sendable (UnreadableEntry) -> Void,
        store: @escaping @Sendable ([Envelope]) async throws -> Void,
        createGroup: @escaping @Sendable (String) async throws -> Void
    ) {
        self.client = client
        self.names = names
        self.subscriber = subscriber
        self.sources = sources
        self.options = options
        self.trimmer = trimmer
        self.logger = logger
        self.limit = limit
        self.onUnreadable = onUnreadable
        self.store = store
        self.createGroup = createGroup
    }

    /// Runs until the connection is closed or Redis fails.
    /// - Throws: ``ReplyTooLong``; `RedisError`.
    mutating func run() async throws {
        var retry = options.retry
        // What an earlier process has left.
        var behind = sources
        while true {
            do {
                for source in behind { try await receivePending(source) }
                behind = try await receiveNew()
                retry.reset()
                limit = min(limit * 2, options.batch)
                for source in sources { await trimmer.trimIfDue(source, on: client) }
            } catch RedisError.refused(let message) where Self.isForgotten(message) {
                logger.warning(
                    "Redis has lost a consumer group; the stream is read from its beginning",
                    metadata: ["subscriber": "\(subscriber)", "reason": "\(message.prefix(200))"])
                for source in sources { try await createGroup(source) }
                behind = sources
            } catch let failure as StoreFailure {
                logger.warning(
                    "events could not be stored and are received again",
                    metadata: ["subscriber": "\(subscriber)", "error": "\(failure.reason)"])
                try await Task.sleep(for: retry.next())
                behind = sources
            }
        }
    }

    private static func isForgotten(_ message: String) -> Bool {
        message.hasPrefix("NOGROUP") || message.hasPrefix("UNBLOCKED")
    }

    /// Receives all entries of a stream that were delivered and not acknowledged.
    private func receivePending(_ source: String) async throws {
        while true {
            let reply = try await reading(source) {
                try await client.send(
                    readCommand + ["STREAMS", .text(names.events(of: source)), .text(StreamPosition.start)])
            }
            let entries = StreamEntry.byStream(reply).values.flatMap { $0 }
            guard !entries.isEmpty else { return }
            try await deliver(entries, from: source)
        }
    }

    /// Waits for new entries, and receives them.
    /// - Returns: the sources with other entries pending.
    private func receiveNew() async throws -> [String] {
        let keys = sources.map { RedisArgument.text(names.events(of: $0)) }
        let timeout = TimeAmount(options.block + options.timeout)
        let command =
            readCommand + ["BLOCK", .integer(max(1, options.block.milliseconds)), "STREAMS"] + keys
            + keys.map { _ in ">" }
        let new = client.submit(command, timeout: timeout)
        // Redis executes these when the read has ended.
        let pending = keys.map { client.submit(["XPENDING", $0, .text(subscriber)], timeout: timeout) }
        let streams = StreamEntry.byStream(try await reading(nil) { try await new.get() })
        var behind: [String] = []
        for (source, pending) in zip(sources, pending) {
            let entries = streams[names.events(of: source)] ?? []
            let summary = PendingSummary(try await pending.get())
            if summary.count > entries.count || (summary.count > 0 && summary.first != entries.first?.id) {
                behind.append(source)
            } else if !entries.isEmpty {
                try await deliver(entries, from: source)
            }
        }
        return behind
    }

    private var readCommand: [RedisArgument] {
        ["XREADGROUP", "GROUP", .text(subscriber), Self.consumer, "COUNT", .integer(limit)]
    }

    private func reading(_ source: String?, _ read: () async throws -> RedisValue) async throws -> RedisValue {
        do {
            return try await read()
        } catch let error as RedisError {
            if case .invalidReply = error { throw ReplyTooLong(source: source, error: error) }
            throw error
        }
    }

    private func deliver(_ entries: [StreamEntry], from source: String) async throws {
        var events: [Envelope] = []
        var unreadable: [UnreadableEntry] = []
        for entry in entries {
            do throws(UnreadableEntry) {
                events.append(try CloudEventReader.read(entry, from: source))
            } catch {
                unreadable.append(error)
            }
        }
        if !events.isEmpty { try await StoreFailure.wrap { [events] in try await store(events) } }
        unreadable.first?.log(logger, subscriber: subscriber, count: unreadable.count)
        for entry in unreadable { onUnreadable(entry) }
        try await client.send(
            ["XACK", .text(names.events(of: source)), .text(subscriber)] + entries.map { .text($0.id) })
    }
}
